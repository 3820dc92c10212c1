import { spawn } from 'node-pty';
import { expect, onTestFinished, test } from 'vitest';
import { makeKey } from '../../../shared/test/client/ssh-tools.js';
import { startFakeRegistry } from '../fake-registry.js';
import { binPath, runBin } from '../run-bin.js';
import { watchScreen } from '../watch-screen.js';

/** deployctl on a terminal of its own, with a key whose passphrase is `right`. */
async function startOnTerminal() {
  const { env, home, server } = await startFakeRegistry();
  const key = makeKey(home, 'locked', '-N', 'right');
  const terminal = spawn(process.execPath, [binPath('deployctl'), '-key', key.path, 'components'], {
    env,
    cols: 200,
  });
  let screen = '';
  terminal.onData((text) => {
    screen += text;
  });
  const exited = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
  onTestFinished(() => terminal.kill());
  const until = watchScreen(terminal);
  return { key, server, exited, until, type: (text: string) => terminal.write(text), screen: () => screen };
}

test('a wrong passphrase is asked for again, and none is ever shown', async () => {
  const { type, until, exited, screen, server } = await startOnTerminal();
  await until(/passphrase for key .*locked: $/);
  type('wrong\r');
  await until(/wrong passphrase\r?\n.*passphrase for key .*locked: $/);
  type('typo\x15righ\x7fht\r');
  expect(await exited).toBe(4); // the right key now, but not one that the registry knows
  expect(screen()).toMatch(/does not accept user ops/);
  expect(screen()).not.toMatch(/typo|righ/);
  expect(server.users).toEqual([]);
});

test('three wrong ones are the end', async () => {
  const { type, until, exited, screen } = await startOnTerminal();
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await until(/locked: $/);
    type('wrong\r');
  }
  expect(await exited).toBe(4);
  expect(screen()).toMatch(/wrong passphrase for key/);
});

test('Ctrl-C is the end', async () => {
  const { type, until, exited, screen } = await startOnTerminal();
  await until(/locked: $/);
  type('\x03');
  expect(await exited).toBe(1);
  expect(screen()).toMatch(/no passphrase was entered/);
});

test('without a terminal nothing is asked, and standard input is left alone', async () => {
  const { env, home } = await startFakeRegistry();
  const key = makeKey(home, 'locked', '-N', 'right');
  const ran = await runBin('deployctl', ['-key', key.path, 'components'], {
    env,
    stdin: Buffer.from('right\n'),
    detached: true,
  });
  expect(ran).toMatchObject({ status: 4, stderr: expect.stringMatching(/needs a passphrase/) });
});
