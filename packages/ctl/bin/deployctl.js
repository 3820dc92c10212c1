#!/usr/bin/env node
import '../program/deployctl-main.js';
