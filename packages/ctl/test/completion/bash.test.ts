import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node-pty';
import { describe, onTestFinished, test } from 'vitest';
import { startFakeRegistry } from '../fake-registry.js';
import { binPath } from '../run-bin.js';
import { watchScreen } from '../watch-screen.js';

/** A real interactive bash on a pty, with the completion loaded as the documentation says. */
async function startBash() {
  const { home, env, key, state, server } = await startFakeRegistry();
  for (const id of ['code:v01', 'code:v02', 'config:v 1', 'web:v1']) state.versions.set(id, 'hash');
  state.configurations.set('project1', ['code:v01']);
  const bin = join(home, 'bin');
  mkdirSync(join(home, '.ssh'));
  copyFileSync(key.path, join(home, '.ssh', 'id_ed25519'));
  mkdirSync(bin);
  mkdirSync(join(home, 'archives'));
  writeFileSync(join(home, 'archives', 'code.tar.gz'), '');
  const program = `#!/bin/sh\nexec "${process.execPath}" "${binPath('deployctl')}" "$@"\n`;
  writeFileSync(join(bin, 'deployctl'), program, { mode: 0o755 });
  const bash = spawn('bash', ['--norc', '--noprofile', '-i'], {
    cwd: home,
    cols: 200,
    env: {
      ...env,
      PATH: `${bin}:${process.env.PATH}`,
      PS1: 'ready> ',
      INPUTRC: '/dev/null',
      TERM: 'xterm',
      HISTFILE: '/dev/null',
    },
  });
  onTestFinished(async () => {
    const exited = new Promise((resolve) => bash.onExit(resolve));
    bash.kill('SIGKILL');
    await exited;
  });
  const until = watchScreen(bash);
  bash.write('bind "set bell-style none"; bind "set enable-bracketed-paste off"\r');
  bash.write('source <(deployctl completion bash); echo load""ed\r');
  await until(/loaded\r?\n[^\n]*ready> $/);
  return { type: (text: string) => bash.write(text), until, server };
}

/** What is typed before Tab, and the line after it. */
const CASES: readonly (readonly [string, string])[] = [
  ['deployctl chan', 'deployctl changeconf '],
  ['deployctl -ti', 'deployctl -timeout '],
  ['deployctl showcomp -na', 'deployctl showcomp -name '],
  ['deployctl showcomp -name w', 'deployctl showcomp -name web '],
  ['deployctl showcomp -name=w', 'deployctl showcomp -name=web '],
  ['deployctl showconf pro', 'deployctl showconf project1 '],
  ['deployctl changeconf -name=p', 'deployctl changeconf -name=project1 '],
  ['deployctl changeconf project1 we', 'deployctl changeconf project1 web:'],
  ['deployctl changeconf project1 web:', 'deployctl changeconf project1 web:v1 '],
  ['deployctl changeconf project1 config:', 'deployctl changeconf project1 config:v\\ 1 '],
  ['deployctl addconf p2 -layer code:v01 -layer we', 'deployctl addconf p2 -layer code:v01 -layer web:'],
  ['deployctl addconf p2 -layer=web:', 'deployctl addconf p2 -layer=web:v1 '],
  ['deployctl delver -name web -version ', 'deployctl delver -name web -version v1 '],
  ['deployctl addver -file arch', 'deployctl addver -file archives/'],
  ['deployctl addver -file=archives/co', 'deployctl addver -file=archives/code.tar.gz '],
  ['deployctl addver -dir arch', 'deployctl addver -dir archives/'],
  ['deployctl logs project1 -host web2', 'deployctl logs project1 -host web2 '],
  ['deployctl completion b', 'deployctl completion bash '],
  ['deployctl help showcom', 'deployctl help showcomp '],
];

describe('bash', () => {
  test('completes subcommands, flags and names', async () => {
    const { type, until } = await startBash();
    for (const [typed, completed] of CASES) {
      type(`${typed}\t`);
      await until(new RegExp(`${completed.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}$`));
      type('\x15echo new""line\r');
      await until(/newline\r?\n[^\n]*ready> $/);
    }
  });

  test('more Tabs list what is possible', async () => {
    const { type, until } = await startBash();
    type('deployctl delver code:\t\t\t');
    await until(/v01\s+v02/);
  });

  test('nothing is offered and nothing is said when the registry is away', async () => {
    const { type, until, server } = await startBash();
    await server.close();
    type('deployctl showconf \t\tproject9\x01echo \x05 | tr a-z A-Z\r');
    await until(/\| tr a-z A-Z\r?\nDEPLOYCTL SHOWCONF PROJECT9\r?\n/);
  });
});
