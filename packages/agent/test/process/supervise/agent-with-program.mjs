// As much of an agent as supervises a program. Arguments: the record's path, then how far it gets: `run`, or `die`
// between the start of the program and the record of it.

import { systemTimers } from '@deploy-tools/agent/host/timers.js';
import { openListeners } from '@deploy-tools/agent/process/supervise/open-listeners.js';
import { startChild } from '@deploy-tools/agent/process/supervise/start-child.js';
import { Supervisor } from '@deploy-tools/agent/process/supervise/supervisor.js';

const [recordPath, how, ...command] = process.argv.slice(2);
const { sockets } = await openListeners([{ host: '127.0.0.1', port: 0 }]);
const launch = { command, cwd: '/', environment: { PATH: process.env.PATH, VERSION: 'v1' } };
if (how === 'die') {
  await startChild({
    launch,
    generation: 1,
    listeners: sockets,
    beforeRun: (pid) => {
      console.log(`port ${sockets[0].port} pid ${pid}`);
      process.kill(process.pid, 'SIGKILL');
    },
    onLine: () => {},
  });
}
const supervisor = new Supervisor({
  listeners: sockets,
  recordPath,
  stopTimeoutMs: 5000,
  minUpMs: 0,
  timers: systemTimers,
  onLine: ({ line, pid }) => console.log(`port ${sockets[0].port} pid ${pid} ${line}`),
  onEvent: () => {},
});
supervisor.start(launch);
