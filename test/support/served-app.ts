/** A program that answers on each socket that it is given with its process id, and ends on SIGTERM. */
export const SERVED_APP = {
  mode: 0o755,
  content: `#!/usr/bin/env node
const { createServer } = require('node:http');
for (let number = 0; number < Number(process.env.LISTEN_FDS); number += 1)
  createServer((_, response) => response.setHeader('connection', 'close').end(String(process.pid))).listen({ fd: 3 + number });
process.on('SIGTERM', () => process.exit(0));
`,
};
