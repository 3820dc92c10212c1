import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OutputDirectory } from '@deploy-tools/agent/process/script/output-directory.js';
import { startKeeper } from '@deploy-tools/agent/process/script/output-keeper.js';
import { resolveUser } from '@deploy-tools/agent/process/script/run-as.js';
import { runInGroup } from '@deploy-tools/agent/process/script/run-in-group.js';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { until } from '../../../../../test/support/until.js';

const environment = { PATH: process.env.PATH ?? '' };

/** An agent's directory for output, with what came out of it. */
function outputIn(dir: string) {
  const [earlier, troubles] = [[] as string[], [] as string[]];
  const output = new OutputDirectory({
    dir: join(dir, 'output'),
    onEarlierLine: (stream, line) => earlier.push(`${stream} ${line}`),
    onTrouble: (message) => troubles.push(message),
  });
  testScope().defer(() => output.close());
  return { output, earlier, troubles };
}

async function run(output: OutputDirectory, command: string, user?: string) {
  const lines: string[] = [];
  const end = await runInGroup({
    program: '/bin/sh',
    args: ['-c', command],
    cwd: '/',
    environment,
    timeoutMs: 60_000,
    as: user === undefined ? undefined : await resolveUser(user),
    output,
    beforeRun: () => {},
    onLine: (stream, line) => lines.push(`${stream} ${line}`),
  });
  return { lines, code: end.code };
}

const only = (lines: readonly string[], stream: string) => lines.filter((line) => line.startsWith(stream));
const runsIn = (dir: string) => readdirSync(join(dir, 'output'));

describe('what a script prints', () => {
  it('may go by /dev/stderr and /dev/stdout, loses nothing by it, and is whole when the script has ended', async () => {
    const dir = tempDir(testScope());
    const { output, troubles } = outputIn(dir);
    const command =
      'echo one >&2; echo two > /dev/stderr; echo three >&2; echo four | tee /dev/stdout; printf five';
    const { lines, code } = await run(output, command);
    expect(only(lines, 'stderr')).toEqual(['stderr one', 'stderr two', 'stderr three']);
    expect(only(lines, 'stdout')).toEqual(['stdout four', 'stdout four', 'stdout five']);
    expect(code).toBe(0);
    expect(troubles).toEqual([]);
    await until('nothing is left of it', () => runsIn(dir).length === 0);
  });

  it.runIf(process.getuid?.() === 0)('may go by /dev/stderr as another user too', async () => {
    const { output } = outputIn(tempDir(testScope()));
    expect(await run(output, 'id -un > /dev/stderr', 'nobody')).toEqual({
      lines: ['stderr nobody'],
      code: 0,
    });
  });

  it('is heard also after SIGTERM to all processes, as systemd sends it', async () => {
    const dir = tempDir(testScope());
    const { output } = outputIn(dir);
    const keepers = `$(cut -d' ' -f2 ${dir}/output/*/keepers)`;
    // 0x4000 of the signals that it ignores is TERM: a shell that has just been started has not come to that yet.
    const ready = "until grep -q '^SigIgn:.*[4-7c-f]...$' /proc/$pid/status; do sleep 0.01; done";
    const command = `trap '' TERM; for pid in ${keepers}; do ${ready}; kill -TERM -$pid; done; echo on; echo and on >&2`;
    const { lines, code } = await run(output, command);
    expect(lines.sort()).toEqual(['stderr and on', 'stdout on']);
    expect(code).toBe(0);
  });

  it('may be much, of which nothing is lost', async () => {
    const dir = tempDir(testScope());
    const { output, troubles } = outputIn(dir);
    const { lines } = await run(output, 'seq 1 600000; seq 1 1000 >&2');
    expect(only(lines, 'stdout').map((line) => Number(line.slice(7)))).toEqual(
      Array.from({ length: 600_000 }, (_, index) => index + 1),
    );
    expect(only(lines, 'stderr')).toHaveLength(1000);
    expect(troubles).toEqual([]);
    await until('nothing is left of it', () => runsIn(dir).length === 0);
  });
});

describe('what a process prints that a script has left behind', () => {
  it('is heard while it lives, and costs no descriptor', async () => {
    const dir = tempDir(testScope());
    const { output } = outputIn(dir);
    const lines: string[] = [];
    const go = join(dir, 'go');
    const before = readdirSync('/proc/self/fd').length;
    await runInGroup({
      program: '/bin/sh',
      args: ['-c', `(while ! test -e ${go}; do sleep 0.02; done; echo late) & echo early`],
      environment,
      timeoutMs: 60_000,
      output,
      onLine: (_stream, line) => lines.push(line),
    });
    expect(lines).toEqual(['early']);
    expect(readdirSync('/proc/self/fd').length).toBe(before);
    writeFileSync(go, '');
    await until('the late line', () => lines.includes('late'));
    await until('nothing is left of it', () => runsIn(dir).length === 0);
  });

  it('goes on without an agent, and is read by the next one, each line once', async () => {
    const dir = tempDir(testScope());
    const [first, second] = [outputIn(dir), outputIn(dir)];
    const [go, done] = [join(dir, 'go'), join(dir, 'done')];
    const waits = `(echo begun; while ! test -e ${go}; do sleep 0.02; done; echo meanwhile; printf end; touch ${done}) &`;
    const { lines } = await run(first.output, `${waits} echo early >&2`);
    await until('it has begun', () => lines.includes('stdout begun'));
    await first.output.close();
    writeFileSync(go, '');
    await until('it has ended', () => existsSync(done));
    await second.output.adopt();
    await until('nothing is left of it', () => runsIn(dir).length === 0);
    expect(lines.sort()).toEqual(['stderr early', 'stdout begun']);
    expect(second.earlier).toEqual(['stdout meanwhile', 'stdout end']);
    expect(second.troubles).toEqual([]);
  });

  it('is bounded while nobody reads it: the oldest is dropped, which the next agent reports', async () => {
    const dir = tempDir(testScope());
    const [first, second] = [outputIn(dir), outputIn(dir)];
    const [go, done] = [join(dir, 'go'), join(dir, 'done')];
    const floods = `while ! test -e ${go}; do sleep 0.02; done; yes 0123456789012345678901234567890 | head -c 90000000; echo last; touch ${done}`;
    await run(first.output, `(${floods}) &`);
    await first.output.close();
    writeFileSync(go, '');
    await until('it has ended', () => existsSync(done));
    const parts = readdirSync(join(dir, 'output', runsIn(dir)[0] ?? '')).filter((name) =>
      /^stdout\.\d/.test(name),
    );
    expect(parts.length).toBeLessThan(10);
    await second.output.adopt();
    await until('all is read', () => second.earlier.includes('stdout last'));
    expect(second.earlier.length).toBeLessThan(90_000_000 / 32);
    expect(second.troubles).toEqual([
      'some output of programs is lost: it came faster than it was read, and the oldest part was dropped',
    ]);
  });
});

describe('where it cannot be kept', () => {
  it('on a full disk, the program goes on, and it is said', async () => {
    const dir = tempDir(testScope());
    symlinkSync('/dev/full', join(dir, 'base.0'));
    const input = join(dir, 'input');
    writeFileSync(input, 'a line\n');
    const reading = openSync(input, 'r');
    const keeper = startKeeper(reading, join(dir, 'base'));
    closeSync(reading);
    expect(await once(keeper, 'exit')).toEqual([1, null]);
    expect(existsSync(join(dir, 'base.lost'))).toBe(true);
  });

  it('in a directory that cannot be made, the script runs all the same, and it is said', async () => {
    const dir = tempDir(testScope());
    writeFileSync(join(dir, 'output'), 'a file');
    const { output, troubles } = outputIn(dir);
    expect(await run(output, 'echo hello > /dev/stderr')).toEqual({ lines: ['stderr hello'], code: 0 });
    expect(troubles).toEqual([expect.stringContaining('the output of programs does not outlive this agent')]);
  });

  it('in a directory that somebody has removed, the script goes on, and it is said', async () => {
    const dir = tempDir(testScope());
    const { output, troubles } = outputIn(dir);
    const { code } = await run(output, `rm -r ${dir}/output/*; echo hello; exit 3`);
    expect(code).toBe(3);
    await until('it is said', () => troubles.length > 0);
  });
});
