import { Heartbeats } from '@deploy-tools/registry/core/heartbeats.js';
import { expect, onTestFinished, test, vi } from 'vitest';

test('each member is called once a period, not all at the same time, on one timer', () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const heartbeats = new Heartbeats(10_000);
  const calls = Array.from({ length: 50 }, () => 0);
  const leave = calls.map((_, index) =>
    heartbeats.join(() => {
      calls[index] = (calls[index] ?? 0) + 1;
    }),
  );
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(500);
  expect(calls.reduce((sum, count) => sum + count)).toBeLessThan(5);
  vi.advanceTimersByTime(9500);
  expect(calls).toEqual(calls.map(() => 1));
  vi.advanceTimersByTime(20_000);
  expect(calls).toEqual(calls.map(() => 3));
  for (const [index, left] of leave.entries()) if (index > 0) left();
  for (const left of leave.slice(1)) left(); // a second time does nothing
  vi.advanceTimersByTime(10_000);
  expect(calls).toEqual(calls.map((_, index) => (index === 0 ? 4 : 3)));
  leave[0]?.();
  expect(vi.getTimerCount()).toBe(0);
  heartbeats.join(() => {});
  expect(vi.getTimerCount()).toBe(1);
});
