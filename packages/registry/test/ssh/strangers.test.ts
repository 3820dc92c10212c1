import { Strangers } from '@deploy-tools/registry/ssh/strangers.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';

it('drops the oldest of the network that has the most', () => {
  const strangers = new Strangers(3);
  const dropped: string[] = [];
  for (const name of ['a1', 'b1', 'a2', 'c1']) strangers.enter(name.slice(0, 1), () => dropped.push(name));
  expect(dropped).toEqual(['a1']);
  expect(strangers.count).toBe(3);
});

it('does not drop a connection that has left', () => {
  const strangers = new Strangers(1);
  const leave = strangers.enter('a', () => expect.unreachable());
  leave();
  leave();
  strangers.enter('b', () => {});
  expect(strangers.count).toBe(1);
});

it('keeps the bound, and drops only from the network with the most connections', () => {
  const moves = fc.array(fc.record({ network: fc.constantFrom('a', 'b', 'c'), leaves: fc.boolean() }));
  fc.assert(
    fc.property(moves, (all) => {
      const strangers = new Strangers(4);
      const here: { network: string; leave: () => void }[] = [];
      const count = (network: string) => here.filter((one) => one.network === network).length;
      for (const { network, leaves } of all) {
        if (leaves) {
          here.shift()?.leave();
          continue;
        }
        const most = Math.max(count('a'), count('b'), count('c'));
        const entry = { network, leave: () => {} };
        entry.leave = strangers.enter(network, () => here.splice(here.indexOf(entry), 1));
        here.push(entry);
        expect(strangers.count).toBe(here.length);
        expect(here.length).toBeLessThanOrEqual(4);
        expect(most).toBeGreaterThanOrEqual(Math.max(count('a'), count('b'), count('c')) - 1);
      }
    }),
  );
});
