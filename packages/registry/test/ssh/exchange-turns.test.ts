import { setImmediate } from 'node:timers/promises';
import { ExchangeTurns } from '@deploy-tools/registry/ssh/exchange-turns.js';
import { expect, it } from 'vitest';

it('serves networks by turns, and the newest of each first', async () => {
  const turns = new ExchangeTurns();
  const served: string[] = [];
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'])
    turns.take(name.slice(0, 1), () => served.push(name));
  expect(served).toEqual([]);
  while (turns.waiting > 0) await setImmediate();
  expect(served).toEqual(['a3', 'b2', 'c1', 'a2', 'b1', 'a1']);
});

it('forgets work that is not wanted any more', async () => {
  const turns = new ExchangeTurns();
  const served: string[] = [];
  const forget = turns.take('a', () => served.push('a1'));
  turns.take('b', () => served.push('b1'));
  forget();
  forget();
  expect(turns.waiting).toBe(1);
  while (turns.waiting > 0) await setImmediate();
  expect(served).toEqual(['b1']);
});

it('lets everybody else have a turn after some milliseconds of it', async () => {
  const turns = new ExchangeTurns();
  let served = 0;
  const work = () => {
    served += 1;
    const end = performance.now() + 10;
    while (performance.now() < end);
  };
  for (let count = 0; count < 5; count += 1) turns.take('a', work);
  await setImmediate();
  expect(served).toBe(1);
  while (turns.waiting > 0) await setImmediate();
  expect(served).toBe(5);
});

it('takes what is asked for during a turn', async () => {
  const turns = new ExchangeTurns();
  const served: string[] = [];
  turns.take('a', () => {
    served.push('a1');
    turns.take('a', () => served.push('a2'));
  });
  while (served.length < 2) await setImmediate();
  expect(served).toEqual(['a1', 'a2']);
});
