#!/usr/bin/env node
import '../program/from-docker-main.js';
