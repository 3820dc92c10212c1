import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { processIdentity } from '@deploy-tools/agent/host/process-identity.js';
import { systemTimers } from '@deploy-tools/agent/host/timers.js';
import { readChildren, writeChildren } from '@deploy-tools/agent/process/supervise/child-record.js';
import { endEarlierChildren } from '@deploy-tools/agent/process/supervise/end-earlier-children.js';
import { openListeners } from '@deploy-tools/agent/process/supervise/open-listeners.js';
import { describe, expect, it } from 'vitest';
import { ask } from '../../../../../test/support/http-load.js';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { until } from '../../../../../test/support/until.js';
import { isRunning } from './supervised.js';

const SERVER = join(import.meta.dirname, 'http-server.mjs');

interface KilledAgent {
  readonly port: number;
  /** The program that it left running. */
  readonly pid: number;
  readonly recordPath: string;
  readonly dir: string;
}

/** An agent that was killed once its program had printed something, or before its program was recorded. */
async function killedAgent(
  how: 'run' | 'die',
  commandOf: (dir: string) => readonly string[],
): Promise<KilledAgent> {
  const scope = testScope();
  const dir = tempDir(scope);
  const recordPath = join(dir, 'programs.json');
  const script = join(import.meta.dirname, 'agent-with-program.mjs');
  const agent: ChildProcess = spawn(process.execPath, [script, recordPath, how, ...commandOf(dir)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(agent.stdout ?? process.stdin, 'data');
  const [, port, pid] = /^port (\d+) pid (\d+)/.exec(String(line)) ?? [];
  scope.defer(() => {
    if (isRunning(Number(pid))) process.kill(-Number(pid), 'SIGKILL');
  });
  agent.kill('SIGKILL');
  if (agent.exitCode === null && agent.signalCode === null) await once(agent, 'exit');
  return { port: Number(port), pid: Number(pid), recordPath, dir };
}

async function endEarlier(recordPath: string, stopTimeoutMs = 10_000): Promise<number[]> {
  const found: number[] = [];
  const onFound = (pid: number) => found.push(pid);
  await endEarlierChildren({ recordPath, stopTimeoutMs, timers: systemTimers, onFound });
  return found;
}

describe('after kill -9 of the agent', () => {
  it('its program serves on, until the next agent ends it and has its port', async () => {
    const { port, pid, recordPath } = await killedAgent('run', () => [process.execPath, SERVER]);
    expect(await ask(port)).toBe(`v1 ${pid} 1`);
    await expect(openListeners([{ host: '127.0.0.1', port }])).rejects.toMatchObject({ kind: 'in-use' });
    const slow = ask(port, false, '/slow');
    await until('the request is taken', async () => (await ask(port)) !== '');
    expect(await endEarlier(recordPath)).toEqual([pid]);
    expect(await slow).toBe(`v1 ${pid} 1`);
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(recordPath)).toBe(false);
    await (await openListeners([{ host: '127.0.0.1', port }])).close();
  });

  it('a program that does not end is killed with its group', async () => {
    const stubborn = `trap '' TERM PIPE; sleep 1000 & echo up; while :; do sleep 0.05; done`;
    const { pid, recordPath } = await killedAgent('run', () => ['/bin/sh', '-c', stubborn]);
    expect(await endEarlier(recordPath, 300)).toEqual([pid]);
    await until('it has ended', () => !isRunning(pid));
  });

  it('a program that was not recorded yet has not run, and the port is free', async () => {
    const { port, pid, recordPath, dir } = await killedAgent('die', (own) => ['touch', join(own, 'ran')]);
    await until('the launcher has ended', () => !isRunning(pid));
    expect(existsSync(join(dir, 'ran'))).toBe(false);
    expect(await endEarlier(recordPath)).toEqual([]);
    await (await openListeners([{ host: '127.0.0.1', port }])).close();
  });
});

it('what is not the recorded program any more is left alone', async () => {
  const recordPath = join(tempDir(testScope()), 'programs.json');
  const other = spawn('sleep', ['60'], { detached: true });
  testScope().defer(() => void other.kill('SIGKILL'));
  const identity = processIdentity(other.pid ?? 0) ?? '';
  writeChildren(recordPath, [{ process: identity.replace(/\d+$/, '1'), generation: 1 }]);
  expect(readChildren(recordPath)).toHaveLength(1);
  expect(await endEarlier(recordPath)).toEqual([]);
  expect(isRunning(other.pid ?? 0)).toBe(true);
  expect(existsSync(recordPath)).toBe(false);
  writeFileSync(recordPath, 'damaged');
  expect(await endEarlier(recordPath)).toEqual([]);
});
