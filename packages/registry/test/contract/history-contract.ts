import {
  type DeployRecord,
  type HistoryPart,
  type LogGap,
  RECENT_DEPLOYS,
} from '@deploy-tools/registry/meta/fleet-store.js';
import type { MetaStore } from '@deploy-tools/registry/meta/meta-store.js';
import type { Outcome } from '@deploy-tools/shared/report/deploy-state.js';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { WithStore } from './meta-store-contract.js';

const LINE = 'x'.repeat(1000);

function deployOf(key: string, host: string, number: number, state: Outcome = 'healthy'): DeployRecord {
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, number)).toISOString();
  const report = { config: 'p', state, deploy: `d${number}` };
  return { time, host, key: { fingerprint: key, comment: key }, address: '192.0.2.1', report };
}

/** Of one host, numbered from 1. */
async function putMany(store: MetaStore, key: string, host: string, count: number): Promise<void> {
  await store.write(async ({ fleet }) => {
    for (let number = 1; number <= count; number += 1) {
      await fleet.putDeploy(deployOf(key, host, number), [LINE]);
    }
  });
}

const totalOf = async (store: MetaStore, part: HistoryPart) =>
  (await store.read(({ fleet }) => fleet.historySize(part))).total;

const logOf = (store: MetaStore, host: string, number: number) =>
  store.read(({ fleet }) => fleet.deployLog(host, 'p', `d${number}`));

/** The numbers of a host's deploys, of how many, that have their log; in order. */
async function withLog(store: MetaStore, host: string, count: number): Promise<number[]> {
  const found: number[] = [];
  for (let number = 1; number <= count; number += 1) {
    if ((await logOf(store, host, number)).lines.length > 0) found.push(number);
  }
  return found;
}

/** The room that history takes: the part of the contract of MetaStore that bounds it. */
export function historyContract(withStore: WithStore): void {
  withStore('an empty history takes nothing, and nothing can be dropped of it', async (store) => {
    for (const part of ['logs', 'deploys'] as const) {
      expect(await store.read(({ fleet }) => fleet.historySize(part))).toEqual({ total: 0 });
      expect(await store.write(({ fleet }) => fleet.dropOldest(part, 'k', 1000))).toBe(0);
    }
  });

  withStore('names the key with the most', async (store) => {
    await putMany(store, 'k1', 'web1', 2);
    await putMany(store, 'k2', 'web2', 3);
    for (const part of ['logs', 'deploys'] as const) {
      const { total, fullest } = await store.read(({ fleet }) => fleet.historySize(part));
      expect(fullest?.fingerprint).toBe('k2');
      expect(fullest?.bytes).toBe((total / 5) * 3);
      expect(total).toBeGreaterThan(5000);
    }
  });

  withStore('the oldest logs of a key go, and say so; their deploys and other keys stay', async (store) => {
    const count = RECENT_DEPLOYS + 3;
    await putMany(store, 'k2', 'web2', count);
    await putMany(store, 'k1', 'web1', count);
    const before = await totalOf(store, 'logs');
    const freed = await store.write(({ fleet }) => fleet.dropOldest('logs', 'k1', 1500));
    expect(freed).toBeGreaterThanOrEqual(1500);
    expect(await totalOf(store, 'logs')).toBe(before - freed);
    expect(await withLog(store, 'web1', count)).toEqual([...Array(count).keys()].slice(2).map((n) => n + 1));
    expect(await withLog(store, 'web2', count)).toHaveLength(count);
    expect(await logOf(store, 'web1', 2)).toEqual({ lines: [], gap: 'removed' });
    expect(await logOf(store, 'web1', 3)).toEqual({ lines: [LINE] });
    expect(await store.read(({ fleet }) => fleet.deploys({ host: 'web1', limit: 100 }))).toHaveLength(count);
  });

  withStore('the newest of each host keep theirs while there are others', async (store) => {
    const count = RECENT_DEPLOYS + 2;
    await putMany(store, 'k', 'quiet', RECENT_DEPLOYS);
    await putMany(store, 'k', 'busy', count);
    await store.write(({ fleet }) => fleet.dropOldest('logs', 'k', 1500));
    expect(await withLog(store, 'quiet', RECENT_DEPLOYS)).toHaveLength(RECENT_DEPLOYS);
    expect(await withLog(store, 'busy', count)).toHaveLength(RECENT_DEPLOYS);
    await store.write(({ fleet }) => fleet.dropOldest('logs', 'k', 1500));
    expect(await withLog(store, 'quiet', RECENT_DEPLOYS)).toHaveLength(RECENT_DEPLOYS - 2);
  });

  withStore('the oldest deploys go with their logs, the newest of each host last', async (store) => {
    const count = RECENT_DEPLOYS + 2;
    await putMany(store, 'k', 'quiet', 2);
    await putMany(store, 'k', 'busy', count);
    const before = await totalOf(store, 'deploys');
    const freed = await store.write(({ fleet }) => fleet.dropOldest('deploys', 'k', 1500));
    expect(await totalOf(store, 'deploys')).toBe(before - freed);
    const left = async (host: string) =>
      (await store.read(({ fleet }) => fleet.deploys({ host, limit: 100 }))).map(
        ({ report }) => report.deploy,
      );
    expect(await left('quiet')).toEqual(['d1', 'd2']);
    expect(await left('busy')).toEqual([...Array(RECENT_DEPLOYS).keys()].map((n) => `d${n + 3}`));
    expect(await logOf(store, 'busy', 1)).toEqual({ lines: [] });
    await store.write(({ fleet }) => fleet.dropOldest('deploys', 'k', 1));
    expect(await left('quiet')).toEqual(['d2']);
  });

  withStore('a step drops a few at most, however much is asked for', async (store) => {
    await putMany(store, 'k', 'web1', 200);
    await store.write(({ fleet }) => fleet.dropOldest('logs', 'k', Number.MAX_SAFE_INTEGER));
    expect((await withLog(store, 'web1', 200)).length).toBeGreaterThan(100);
  });

  withStore('a log that was not stored says so, until one is', async (store) => {
    await store.write(({ fleet }) => fleet.putDeploy(deployOf('k', 'web1', 1, 'failed'), 'no-space'));
    expect(await logOf(store, 'web1', 1)).toEqual({ lines: [], gap: 'no-space' });
    await store.write(({ fleet }) => fleet.putDeploy(deployOf('k', 'web1', 1, 'rolled-back'), ['one']));
    expect(await logOf(store, 'web1', 1)).toEqual({ lines: ['one'] });
  });

  withStore('the sums are those of what is there, whatever was done', async (store) => {
    await fc.assert(
      fc.asyncProperty(fc.array(historyAct, { minLength: 5, maxLength: 40 }), async (acts) => {
        for (const act of acts) await store.write((tx) => act(tx.fleet));
        expect(await store.read(({ fleet }) => summed(fleet))).toEqual(await kept(store));
      }),
      { numRuns: 20 },
    );
  });
}

type Fleet = Parameters<Parameters<MetaStore['write']>[0]>[0]['fleet'];

const log = fc.oneof(
  fc.array(fc.string({ maxLength: 50, unit: 'grapheme' }), { maxLength: 3 }),
  fc.constant<LogGap>('no-space'),
);
const key = fc.constantFrom('k1', 'k2');

const historyAct: fc.Arbitrary<(fleet: Fleet) => Promise<unknown>> = fc.oneof(
  fc.tuple(key, fc.constantFrom('web1', 'web2'), fc.nat(15), fc.constantFrom('failed', 'healthy'), log).map(
    ([k, host, number, state, lines]) =>
      (fleet: Fleet) =>
        fleet.putDeploy(deployOf(k, host, number, state as Outcome), lines),
  ),
  fc.tuple(fc.constantFrom<HistoryPart>('logs', 'deploys'), key, fc.nat(3000)).map(
    ([part, k, bytes]) =>
      (fleet: Fleet) =>
        fleet.dropOldest(part, k, bytes),
  ),
  fc.nat(8).map((keep) => (fleet: Fleet) => fleet.trimDeploys('web1', 'p', keep)),
  fc.constant((fleet: Fleet) => fleet.deleteDeploysBefore('2026-01-01T00:00:05.000Z')),
);

/** What the sums say: the total of logs, and how the parts stand to what is there. */
async function summed(fleet: Pick<Fleet, 'historySize'>): Promise<object> {
  const logs = await fleet.historySize('logs');
  const deploys = await fleet.historySize('deploys');
  return { logs: logs.total, fullest: logs.fullest?.bytes ?? 0, deploys: deploys.total > 0 };
}

async function kept(store: MetaStore): Promise<object> {
  const byKey = new Map<string, number>();
  const records = await store.read(({ fleet }) => fleet.deploys({ limit: 1000 }));
  for (const { host, key: owner, report } of records) {
    const { lines } = await store.read(({ fleet }) => fleet.deployLog(host, 'p', report.deploy));
    const bytes = lines.length === 0 ? 0 : Buffer.byteLength(JSON.stringify(lines));
    byKey.set(owner.fingerprint, (byKey.get(owner.fingerprint) ?? 0) + bytes);
  }
  const sums = [...byKey.values()];
  return {
    logs: sums.reduce((sum, bytes) => sum + bytes, 0),
    fullest: Math.max(0, ...sums),
    deploys: records.length > 0,
  };
}
