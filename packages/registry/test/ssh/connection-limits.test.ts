import { ConnectionLimits } from '@deploy-tools/registry/ssh/connection-limits.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

test('says which limit is reached, by its flag', () => {
  const limits = new ConnectionLimits(3, 2);
  expect([limits.take('a'), limits.take('a')]).toEqual([undefined, undefined]);
  expect(limits.take('a')).toContain('-max-conns-per-addr');
  expect(limits.take('b')).toBeUndefined();
  expect(limits.take('c')).toContain('-max-conns)');
  limits.give('a');
  expect(limits.take('a')).toBeUndefined();
});

test('any comings and goings stay within both limits, and end at none', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.boolean())), (moves) => {
      const limits = new ConnectionLimits(4, 2);
      const here: string[] = [];
      for (const [address, comes] of moves) {
        const count = here.filter((other) => other === address).length;
        if (comes) {
          expect(limits.take(address) === undefined).toBe(here.length < 4 && count < 2);
          if (here.length < 4 && count < 2) here.push(address);
        } else if (count > 0) {
          limits.give(address);
          here.splice(here.indexOf(address), 1);
        }
        expect(limits.total).toBe(here.length);
      }
    }),
  );
});
