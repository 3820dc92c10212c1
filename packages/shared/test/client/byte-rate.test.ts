import { ByteRate } from '@deploy-tools/shared/client/byte-rate.js';
import { expect, it } from 'vitest';

const me = {};

it('lets the first go at once and the others in their order, at the rate', async () => {
  const rate = new ByteRate(1024 * 1024);
  const began = performance.now();
  const order: number[] = [];
  const taken = [1, 2, 3].map((which) => rate.take(100 * 1024, me).then(() => order.push(which)));
  await taken[0];
  expect(order).toEqual([1]);
  await Promise.all(taken);
  expect(order).toEqual([1, 2, 3]);
  expect(performance.now() - began).toBeGreaterThan(190);
});

it('does not save up what was not used, and takes back what did not come', async () => {
  let now = 0;
  const rate = new ByteRate(1024, () => now);
  await rate.take(1024, me);
  now += 60_000;
  await rate.take(1024 * 1024, me);
  rate.giveBack(1024 * 1024);
  await rate.take(1, me);
});

it('lets go who is forgotten, and nobody else', async () => {
  const rate = new ByteRate(1);
  const other = {};
  const waited: string[] = [];
  await rate.take(1000, me);
  const mine = rate.take(1, me).then(() => waited.push('mine'));
  void rate.take(1, other).then(() => waited.push('other'));
  rate.forget(me);
  await mine;
  expect(waited).toEqual(['mine']);
  rate.forget(other);
});

it('asks for a tenth of a second at a time', () => {
  expect(new ByteRate(1024 * 1024).part).toBe(104_857);
  expect(new ByteRate(1).part).toBe(4096);
});
