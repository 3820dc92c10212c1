import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.js';
import { openSsh } from '../support/open-ssh.js';
import { binPath } from '../support/program.js';
import { makeSite, registryArgs } from '../support/registry-process.js';
import { run } from '../support/run.js';
import { testScope } from '../support/scope.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

describe('a program whose log cannot be written', () => {
  it('goes on: a registry whose log is on a full disk serves, and stops as it should', async () => {
    const scope = testScope();
    const site = await makeSite(scope);
    const port = await freePort();
    const full = openSync('/dev/full', 'w');
    const registry = spawn(binPath('deploy-registry'), registryArgs(site, ['-addr', `127.0.0.1:${port}`]), {
      stdio: ['ignore', 'ignore', full],
    });
    closeSync(full);
    const ended = once(registry, 'exit');
    scope.defer(async () => {
      registry.kill('SIGKILL');
      await ended;
    });
    const { root, operator } = site;
    const client = openSsh({ host: '127.0.0.1', port }, { dir: root, user: 'ops', key: operator });
    await until(
      'it answers, or has ended',
      async () => registry.exitCode !== null || (await client.exec('components')).status === 0,
    );
    expect(registry.exitCode).toBe(null);
    expect(await client.exec('nosuch')).toMatchObject({ status: 1 }); // logged as a warning
    registry.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});

describe('a program', () => {
  it.each(['deploy-registry', 'deploy-agent', 'deployctl', 'deploy-from-docker'])(
    '%s prints what it is asked for, and nothing else',
    async (name) => {
      expect(await run(binPath(name), ['-h'])).toMatchObject({ status: 0, stderr: '' });
    },
  );
});

describe('a program whose output cannot be written', () => {
  /** Runs a shell script in which `$program` is the program's file. */
  const shell = (program: string, script: string, cwd = '/') =>
    run('/bin/sh', ['-c', script], { cwd, env: { ...process.env, program: binPath(program) } });

  it('says so with status 1 where a disk is full, and nothing else', async () => {
    expect(await shell('deployctl', '"$program" -h >/dev/full')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'deployctl: the output cannot be written: ENOSPC: no space left on device, write\n',
    });
  });

  it('ends without a word where the reader is gone', async () => {
    const scope = testScope();
    const dir = tempDir(scope);
    // A pipe that is open for writing, of which the only reader has ended.
    const pipe = 'mkfifo p; (: <p) & exec 4>p; wait';
    expect(await shell('deploy-agent', `${pipe}; "$program" -h >&4`, dir)).toEqual({
      status: 141,
      stdout: '',
      stderr: '',
    });
  });

  it('keeps its exit status where only standard error cannot be written', async () => {
    expect(await shell('deploy-registry', '"$program" -nosuch 2>/dev/full')).toMatchObject({ status: 2 });
  });
});
