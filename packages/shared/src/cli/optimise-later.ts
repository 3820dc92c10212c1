import { setFlagsFromString } from 'node:v8';

// Imported for its effect, by programs whose run is short: it is over before V8's optimising compiler has paid, so a function is
// optimised after seven times as much work as usual (docs/performance.md). The V8 of Node.js 22 and later has no such flag.
if (process.versions.v8.startsWith('11.')) setFlagsFromString('--interrupt-budget=500000');
