import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GroupRun, runInGroup } from '@deploy-tools/agent/process/script/run-in-group.js';
import { scriptFailure } from '@deploy-tools/agent/process/script/script-error.js';
import { describe, expect, it, vi } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { until } from '../../../../../test/support/until.js';
import { isRunning } from '../supervise/supervised.js';

const environment = { PATH: process.env.PATH ?? '' };

async function linesOf(command: string, more: Partial<GroupRun> = {}): Promise<string[]> {
  const lines: string[] = [];
  const onLine = (stream: string, line: string) => lines.push(`${stream} ${line}`);
  const run = { program: '/bin/sh', args: ['-c', command], environment, timeoutMs: 60_000, onLine };
  await runInGroup({ ...run, ...more });
  return lines;
}

describe('a program whose output the agent reads itself', () => {
  it('may open /dev/stderr and /dev/stdout, and nothing that was printed is lost by it', async () => {
    const lines = await linesOf(
      'echo one >&2; echo two > /dev/stderr; echo three >&2; echo four | tee /dev/stdout',
    );
    expect(lines.filter((line) => line.startsWith('stderr'))).toEqual([
      'stderr one',
      'stderr two',
      'stderr three',
    ]);
    expect(lines.filter((line) => line.startsWith('stdout'))).toEqual(['stdout four', 'stdout four']);
  });

  it('costs no descriptors when it leaves something behind that holds its output', async () => {
    const leaves = 'sleep 1000 & echo $!';
    const pids = await linesOf(leaves);
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 3; round += 1) pids.push(...(await linesOf(leaves)));
    expect(readdirSync('/proc/self/fd').length).toBe(before);
    for (const pid of pids) process.kill(Number(pid.replace('stdout ', '')), 'SIGKILL');
  });
});

describe('a program that is to be written down before it runs', () => {
  it('has not run when the agent is killed before that', async () => {
    const dir = tempDir(testScope());
    const [program, pidFile, ran] = ['program', 'pid', 'ran'].map((name) => join(dir, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(program, `#!/bin/sh\ntouch ${ran}\n`, { mode: 0o755 });
    const script = join(import.meta.dirname, 'killed-before-run.mjs');
    const agent = spawn(process.execPath, [script, program, pidFile], { stdio: 'inherit' });
    expect(await once(agent, 'exit')).toEqual([null, 'SIGKILL']);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    await until('the process has ended', () => !isRunning(pid));
    expect(existsSync(ran)).toBe(false);
  });

  it('gets its standard input, and nothing of what let it run', async () => {
    const beforeRun = () => {};
    expect(await linesOf('cat; env | grep -c "^go="', { beforeRun, stdin: 'a text\n' })).toEqual([
      'stdout a text',
      'stdout 0',
    ]);
    expect(await linesOf('wc -c', { beforeRun })).toEqual(['stdout 0']);
  });
});

describe('a program that the agent may not end', () => {
  it.each<[string, Partial<GroupRun>]>([
    ['at its timeout', { timeoutMs: 10 }],
    ['when it is called off', {}],
    ['when it is to be killed at once', { isKilledOnAbort: true }],
  ])('is not waited for %s, and harms nothing when it ends later', async (_, more) => {
    const denied = Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw denied; // as for a process of another user
    });
    const controller = new AbortController();
    const end = await runInGroup({
      ...{ program: '/bin/sh', args: ['-c', 'echo; exec sleep 1000'], environment },
      ...{ timeoutMs: 60_000, killAfterMs: 0, abandonAfterMs: 0, signal: controller.signal },
      onLine: () => more.timeoutMs === undefined && controller.abort(),
      ...more,
    }).finally(() => kill.mockRestore());
    expect(end).toMatchObject({ code: null, signal: null, survivor: expect.any(Number) });
    const pid = end.survivor ?? 0;
    expect(isRunning(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
    await until('the process has ended', () => !isRunning(pid));
  });

  it('fails the script, which says so', () => {
    const end = { code: null, signal: null, stopped: 'timeout' as const, survivor: 4711 };
    expect(scriptFailure('the script x', 1000, end)?.message).toBe(
      'the script x did not end within 1s, and process 4711 could not be ended and still runs',
    );
  });
});
