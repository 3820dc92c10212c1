import { setFlagsFromString } from 'node:v8';

// Imported for its effect by programs that run briefly: V8's optimising compiler would cost more than it gains, so it optimises a
// function after seven times the usual work (docs/performance.md). The V8 of Node.js 22 and later has no such flag.
if (process.versions.v8.startsWith('11.')) setFlagsFromString('--interrupt-budget=500000');
