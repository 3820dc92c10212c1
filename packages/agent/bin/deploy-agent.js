#!/bin/sh
':' //; exec node --max-semi-space-size=2 "$0" "$@"
// For sh the line above starts Node.js with that; for JavaScript it is a string. V8's default lets 16 MB of garbage pile up.
import '../program/main.js';
