import { type HoldingConnection, KeyBudgets } from '@deploy-tools/registry/ssh/key-budgets.js';
import { type Holder, Shares } from '@deploy-tools/registry/ssh/shares.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const MIB = 1024 * 1024;
const OPTIONS = { maxConnections: 100, maxConnectionsPerKey: 60, maxChannels: 16, maxOpenFiles: 4000 };

function agent(fingerprint: string): Holder {
  return { role: 'agent', fingerprint };
}

function operator(fingerprint: string): Holder {
  return { role: 'operator', fingerprint };
}

describe('connections', () => {
  it('a key has its bound, agents have theirs, and places are kept for operators', () => {
    const { connections } = new KeyBudgets(OPTIONS);
    for (let taken = 0; taken < 60; taken += 1) expect(connections.take(agent('a'))).toBeUndefined();
    expect(connections.take(agent('a'))).toBe('60 for one key');
    for (let taken = 0; taken < 30; taken += 1) expect(connections.take(agent('b'))).toBeUndefined();
    expect(connections.take(agent('b'))).toBe('90 for all agents');
    for (let taken = 0; taken < 10; taken += 1) expect(connections.take(operator('c'))).toBeUndefined();
    expect(connections.take(operator('c'))).toBe('100 in total');
    connections.give(agent('a'));
    expect(connections.take(operator('c'))).toBeUndefined();
  });

  it('any takings and givings stay within all three bounds, and end at none', () => {
    const holders = [agent('a'), agent('b'), operator('c')];
    const moves = fc.array(fc.tuple(fc.nat({ max: 2 }), fc.boolean(), fc.integer({ min: 1, max: 4 })));
    fc.assert(
      fc.property(moves, (all) => {
        const shares = new Shares({ total: 9, agents: 7, perKey: 5 });
        const held: [Holder, number][] = [];
        const sum = (fits: (holder: Holder) => boolean) =>
          held.reduce((bytes, [holder, amount]) => bytes + (fits(holder) ? amount : 0), 0);
        for (const [which, takes, amount] of all) {
          const holder = holders[which] as Holder;
          if (takes && shares.take(holder, amount) === undefined) held.push([holder, amount]);
          if (!takes) for (const given of held.splice(0, 1)) shares.give(...given);
          expect(shares.total).toBe(sum(() => true));
          expect(shares.total).toBeLessThanOrEqual(9);
          expect(sum(({ role }) => role === 'agent')).toBeLessThanOrEqual(7);
          for (const one of holders) expect(sum((other) => other === one)).toBeLessThanOrEqual(5);
        }
      }),
    );
  });
});

describe('handles', () => {
  it('a long listing counts as many, and is given back whole', () => {
    const budgets = new KeyBudgets(OPTIONS);
    const listing = budgets.takeHandle(agent('a'), 32 * 400);
    expect(listing).toBeTypeOf('function');
    expect(budgets.takeHandle(agent('a'), 32 * 400)).toBe('500 for one key');
    if (typeof listing === 'function') listing();
    expect(budgets.takeHandle(agent('a'), 32 * 400)).toBeTypeOf('function');
  });
});

describe('memory', () => {
  function connections(...sizes: [Holder, number][]): { all: HoldingConnection[]; ended: number[] } {
    const ended: number[] = [];
    const all = sizes.map(([holder, heldBytes], index) => ({
      holder,
      heldBytes,
      endForBudget: () => ended.push(index),
    }));
    return { all, ended };
  }

  it('of a key that holds too much, the connection that holds the most ends', () => {
    const { all, ended } = connections(
      [agent('a'), 20 * MIB],
      [agent('a'), 40 * MIB],
      [agent('a'), 10 * MIB],
      [agent('b'), 50 * MIB],
      [operator('c'), 200 * MIB],
    );
    new KeyBudgets(OPTIONS).enforceHeldBytes(all);
    expect(ended).toEqual([1]);
  });

  it('agents of many keys hold no more together than they may', () => {
    const { all, ended } = connections(
      [agent('a'), 60 * MIB],
      [agent('b'), 50 * MIB],
      [agent('c'), 40 * MIB],
    );
    new KeyBudgets(OPTIONS).enforceHeldBytes(all);
    expect(ended).toEqual([0]);
  });

  it('no connection is ended where none holds much', () => {
    const { all, ended } = connections([agent('a'), MIB], [operator('b'), MIB]);
    new KeyBudgets(OPTIONS).enforceHeldBytes([
      ...all,
      { holder: undefined, heldBytes: 99 * MIB, endForBudget: () => ended.push(9) },
    ]);
    expect(ended).toEqual([]);
  });
});
