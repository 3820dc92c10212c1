#!/bin/sh
':' //; exec node --max-semi-space-size=4 "$0" "$@"
// For sh the line above starts Node.js with a small young generation; for JavaScript it is a string. V8's default lets
// tens of megabytes of garbage pile up (docs/performance.md).
import '../program/main.js';
