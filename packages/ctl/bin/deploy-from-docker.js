#!/bin/sh
':' //; exec node --interrupt-budget=500000 "$0" "$@"
// For sh the line above starts Node.js with a flag; for JavaScript it is a string. V8 optimises later with it: a command is over
// before that would pay (docs/performance.md).
import '../program/from-docker-main.js';
