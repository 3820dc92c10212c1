#!/bin/sh
':' //; exec node --max-semi-space-size=1 --initial-old-space-size=32 --expose-gc "$0" "$@"
// For sh the line above starts Node.js with these flags; for JavaScript it is a string. V8's defaults let tens of megabytes
// of garbage pile up (docs/performance.md).
require('../program/main.cjs');
