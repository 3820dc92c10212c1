// As much of an agent as runs a script, and is killed when it is told that the script is about to run. Arguments: the
// program and its process id's file.
import { writeFileSync } from 'node:fs';
import { runInGroup } from '@deploy-tools/agent/process/script/run-in-group.js';

const [program, pidFile] = process.argv.slice(2);
await runInGroup({
  program,
  environment: { PATH: process.env.PATH },
  timeoutMs: 20_000,
  beforeRun: (pid) => {
    writeFileSync(pidFile, String(pid));
    process.kill(process.pid, 'SIGKILL');
  },
  onLine: () => {},
});
