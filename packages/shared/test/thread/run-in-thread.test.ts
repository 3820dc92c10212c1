import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { runInThread, threadOutcome } from '@deploy-tools/shared/thread/run-in-thread.js';
import { expect, onTestFinished, test } from 'vitest';

const module = new URL('./task-thread.mjs', import.meta.url);
const tooLarge = { message: 'it takes more than 8 MiB', hint: 'make it smaller' };
const taskOf = (act: string, more: object = {}) => ({
  module,
  task: { act, ...more },
  heapMiB: 8,
  name: 'the thread of the test',
  tooLarge,
});
const run = (act: string, signal = new AbortController().signal) => runInThread(taskOf(act), signal);

test('returns the answer of the task', async () => {
  await expect(run('answer')).resolves.toBe(42);
});

test.each([
  ['fail', { kind: 'unsafe', message: 'it leads outside', hint: 'look at it' }],
  ['die', { kind: 'internal', message: 'the thread of the test died: oops' }],
  ['exit', { kind: 'internal', message: 'the thread of the test ended without an answer' }],
  ['fill', { kind: 'too-large', message: tooLarge.message, hint: tooLarge.hint }],
])('rejects when the task does this: %s', async (act, error) => {
  await expect(run(act)).rejects.toMatchObject(error);
});

test('settles after an uncaught error only when the thread has ended', async () => {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const running = runInThread(taskOf('die', { gate }), new AbortController().signal);
  await expect(running).rejects.toMatchObject({ kind: 'internal' });
  expect(Atomics.load(gate, 0)).toBe(1);
});

test('tells a caller with another way that the memory was too small', async () => {
  await expect(threadOutcome(taskOf('fill'), new AbortController().signal)).resolves.toEqual({
    kind: 'out-of-memory',
  });
});

test('starts no thread after an abort', async () => {
  await expect(run('answer', AbortSignal.abort())).rejects.toMatchObject({ kind: 'cancelled' });
});

test('settles after an abort only when the thread writes no more', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'run-in-thread-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'count');
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const stop = new AbortController();
  const running = runInThread(taskOf('write', { path, gate }), stop.signal);
  while (Atomics.load(gate, 0) === 0) await nextTurn();
  stop.abort();
  await expect(running).rejects.toMatchObject({ kind: 'cancelled' });
  const count = Atomics.load(gate, 0);
  // The thread stopped between or within two writes: no later one may come.
  expect([count, count + 1]).toContain(Number(readFileSync(path, 'utf8') || count));
  expect(Atomics.load(gate, 0)).toBe(count);
});
