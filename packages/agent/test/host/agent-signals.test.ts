import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

const SIGNALS = import.meta.resolve('@deploy-tools/agent/host/agent-signals.js');

/** Gets the signal before anybody listens for it, and once more after. */
const PROGRAM = `
  const { agentSignals } = await import(process.argv[1]);
  const [name, listen] = process.argv[2].split(' ');
  const signals = agentSignals();
  const alive = setInterval(() => {}, 1000);
  const taken = new Promise((resolve) => process.once(name, resolve));
  process.kill(process.pid, name);
  await taken;
  let heard = 0;
  const enough = new Promise((resolve) => {
    signals[listen](() => {
      heard += 1;
      if (heard === 2) resolve();
    });
  });
  console.log(heard);
  process.kill(process.pid, name);
  await enough;
  clearInterval(alive);
  console.log(heard);
`;

it.each(['SIGHUP onHangup', 'SIGUSR1 onRestart'])('what comes too early is done later: %s', (what) => {
  const args = ['--input-type=module', '-e', PROGRAM, SIGNALS, what];
  expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toBe('1\n2\n');
});
