import { inSteps } from '@deploy-tools/registry/core/housekeeping.js';
import { expect, test } from 'vitest';

test('others have their turn between two steps', async () => {
  const turns: string[] = [];
  const rest = [3, 2, 0];
  setImmediate(() => turns.push('other'));
  const step = async () => {
    turns.push('step');
    return rest.shift() ?? 0;
  };
  expect(await inSteps(step, new AbortController().signal)).toBe(5);
  expect(turns).toEqual(['step', 'other', 'step', 'step']);
});

test('a stop ends it', async () => {
  const stop = new AbortController();
  const step = async () => {
    stop.abort();
    return 1;
  };
  expect(await inSteps(step, stop.signal)).toBe(1);
  expect(await inSteps(step, stop.signal)).toBe(0);
});
