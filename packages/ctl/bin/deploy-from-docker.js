#!/usr/bin/env node
import '../dist/from-docker-main.js';
