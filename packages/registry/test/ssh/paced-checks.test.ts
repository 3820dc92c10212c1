import { PacedChecks } from '@deploy-tools/registry/ssh/paced-checks.js';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
});

/** Checks that take no time; `delays` are what each answers, and then Infinity. */
function start(...delays: readonly number[]) {
  const began = performance.now();
  const left = [...delays];
  const times: number[] = [];
  const check = async () => {
    times.push(Math.round(performance.now() - began));
    return left.shift() ?? Number.POSITIVE_INFINITY;
  };
  return { times, checks: new PacedChecks({ check, gapMs: 300 }) };
}

test('the first check comes at once, and the next when the last one said', async () => {
  const { times } = start(2000, 300, 2000);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(times).toEqual([0, 2000, 2300, 4300]);
});

test('an event is checked at once when there was none for the gap', async () => {
  const { times, checks } = start(2000, 2000);
  await vi.advanceTimersByTimeAsync(1000);
  checks.soon();
  await vi.advanceTimersByTimeAsync(2999);
  expect(times).toEqual([0, 1000, 3000]);
});

test('many events cost a check for each gap', async () => {
  const { times, checks } = start();
  for (let ms = 0; ms < 1000; ms += 1) {
    checks.soon();
    await vi.advanceTimersByTimeAsync(1);
  }
  await vi.advanceTimersByTimeAsync(10_000);
  expect(times).toEqual([0, 300, 600, 900, 1200]);
});

test('an event while a check runs is checked after it', async () => {
  let runs = 0;
  const check = async () => {
    runs += 1;
    if (runs === 1) await new Promise((resolve) => setTimeout(resolve, 500));
    return Number.POSITIVE_INFINITY;
  };
  const checks = new PacedChecks({ check, gapMs: 300 });
  await vi.advanceTimersByTimeAsync(100);
  checks.soon();
  await vi.advanceTimersByTimeAsync(699);
  expect(runs).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(runs).toBe(2);
});

test('after the close there is none, and what runs has ended', async () => {
  let ended = false;
  const check = async () => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    ended = true;
    return 0;
  };
  const checks = new PacedChecks({ check, gapMs: 300 });
  await vi.advanceTimersByTimeAsync(100);
  const closed = checks.close().then(() => ended);
  checks.soon();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await closed).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});
