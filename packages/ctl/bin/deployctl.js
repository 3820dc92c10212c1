#!/usr/bin/env node
import '../dist/deployctl-main.js';
