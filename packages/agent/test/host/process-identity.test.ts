import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  bootId,
  groupRuns,
  processIdentity,
  runningProcess,
} from '@deploy-tools/agent/host/process-identity.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { until } from '../../../../test/support/until.js';

/** A process that ends when its input does. */
function startCat(program = 'cat'): ChildProcess {
  const child = spawn(program, [], { stdio: ['pipe', 'ignore', 'ignore'] });
  testScope().defer(() => void child.kill('SIGKILL'));
  return child;
}

describe('a process', () => {
  it('has an identity while it runs, and none after', async () => {
    const child = startCat();
    const pid = child.pid ?? 0;
    const identity = processIdentity(pid) ?? '';
    expect(identity).toMatch(new RegExp(`^[0-9a-f-]{36} ${pid} \\d+$`));
    expect(runningProcess(identity)).toBe(pid);
    child.stdin?.end();
    await once(child, 'exit');
    expect(runningProcess(identity)).toBeUndefined();
    expect(processIdentity(pid)).toBeUndefined();
  });

  it('is not another one that has its number, or had it in another boot', () => {
    const pid = startCat().pid ?? 0;
    const [boot, number, time] = processIdentity(pid)?.split(' ') ?? [];
    expect(runningProcess(`${boot} ${number} ${Number(time) - 1}`)).toBeUndefined();
    expect(runningProcess(`another ${number} ${time}`)).toBeUndefined();
  });

  it('may have a name that looks like the fields after it', async () => {
    const program = join(tempDir(testScope()), ') Z 1 (x');
    copyFileSync('/bin/cat', program);
    const child = startCat(program);
    await once(child, 'spawn');
    expect(processIdentity(child.pid ?? 0)).toMatch(new RegExp(`^${bootId()} ${child.pid} \\d+$`));
  });

  it('is none when the record is damaged', () => {
    fc.assert(fc.property(fc.string(), (text) => runningProcess(text) === undefined));
  });
});

describe('a process group', () => {
  it('runs while one of its processes does, whichever leads it; unrecorded processes do not count', async () => {
    const leader = spawn('/bin/sh', ['-c', 'sleep 60 & exec true'], { stdio: 'ignore', detached: true });
    const group = leader.pid ?? 0;
    await once(leader, 'exit');
    expect(groupRuns(group)).toBe(true);
    process.kill(-group, 'SIGKILL');
    await until('it has ended', () => groupRuns(group) === false);
  });
});
