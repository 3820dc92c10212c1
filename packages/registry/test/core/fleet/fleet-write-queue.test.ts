import { FleetWriteQueue } from '@deploy-tools/registry/core/fleet/fleet-write-queue.js';
import type { MetaStore } from '@deploy-tools/registry/meta/meta-store.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { expect, test } from 'vitest';
import { kindOfRejection } from '../../../../shared/test/support/kind-of.js';
import { openRegistry, type TestRegistry } from '../../support/open-registry.js';

/** Long enough that nothing is written by itself. */
const NEVER_MS = 10_000_000;

/** A journal over the registry's store, and how many transactions it took. */
function journalOf(registry: TestRegistry): { journal: FleetWriteQueue; transactions: () => number } {
  let transactions = 0;
  const meta: MetaStore = {
    read: (work) => registry.meta.read(work),
    write: (work) => {
      transactions += 1;
      return registry.meta.write(work);
    },
    shrink: () => registry.meta.shrink(),
    close: () => registry.meta.close(),
  };
  return { journal: new FleetWriteQueue(meta, registry.log, NEVER_MS), transactions: () => transactions };
}

const host = (name: string, agent = '1') => ({
  host: name,
  key: { fingerprint: 'f', comment: 'c' },
  agent,
  labels: {},
  firstSeen: '2026',
});

test('what many hosts say at the same time is written in few transactions', async () => {
  const registry = await openRegistry();
  const { journal, transactions } = journalOf(registry);
  const names = Array.from({ length: 1200 }, (_, at) => `web${at}`);
  await Promise.all(names.map((name) => journal.write(name, (tx) => tx.putHost(host(name)))));
  expect(await registry.meta.read(({ fleet }) => fleet.hosts())).toHaveLength(1200);
  expect(transactions()).toBeLessThanOrEqual(4);
});

test('what they say one after the other is written together too, when it came meanwhile', async () => {
  const registry = await openRegistry();
  const { journal, transactions } = journalOf(registry);
  const one = (at: number) =>
    new Promise<void>((resolve, reject) => {
      setTimeout(() => journal.write(`w${at}`, (tx) => tx.putHost(host(`w${at}`))).then(resolve, reject), 5);
    });
  await Promise.all(Array.from({ length: 500 }, (_, at) => one(at)));
  expect(transactions()).toBeLessThan(100);
});

test('of several entries with one key the last is written, and all their promises settle', async () => {
  const registry = await openRegistry();
  const { journal } = journalOf(registry);
  journal.later('web1', (tx) => tx.putHost(host('web1', 'never')));
  const blocker = journal.write('other', (tx) => tx.putHost(host('other')));
  const waiting = [1, 2, 3].map((agent) =>
    journal.write('web1', (tx) => tx.putHost(host('web1', String(agent)))),
  );
  journal.later('web1', (tx) => tx.putHost(host('web1', 'last')));
  await Promise.all([blocker, ...waiting]);
  expect(await registry.meta.read(({ fleet }) => fleet.hosts())).toMatchObject([{}, { agent: 'last' }]);
});

test('one that cannot be written takes no other along', async () => {
  const registry = await openRegistry();
  const { journal } = journalOf(registry);
  const blocker = journal.write('blocker', (tx) => tx.putHost(host('blocker')));
  const good = ['a', 'b', 'c'].map((name) => journal.write(name, (tx) => tx.putHost(host(name))));
  const bad = journal.write('bad', () => Promise.reject(new DeployError('internal', 'bad')));
  journal.later('d', (tx) => tx.putHost(host('d')));
  expect(await kindOfRejection(bad)).toBe('internal');
  await Promise.all([blocker, ...good]);
  await journal.flush();
  const names = (await registry.meta.read(({ fleet }) => fleet.hosts())).map((record) => record.host);
  expect(names).toEqual(['a', 'b', 'blocker', 'c', 'd']);
});

test('a store that takes nothing is asked once for all of a batch', async () => {
  const registry = await openRegistry();
  const { journal, transactions } = journalOf(registry);
  const full = () => Promise.reject(new DeployError('no-space', 'full'));
  const first = journal.write('first', full);
  const others = Array.from({ length: 100 }, (_, at) => journal.write(`w${at}`, full));
  const kinds = await Promise.all([first, ...others].map(kindOfRejection));
  expect(new Set(kinds)).toEqual(new Set(['no-space']));
  expect(transactions()).toBeLessThanOrEqual(3);
});

test('a look at what may wait, when it was written already, keeps nothing from being written', async () => {
  const registry = await openRegistry();
  const { journal } = journalOf(registry);
  await journal.flush();
  await journal.write('a', (tx) => tx.putHost(host('a')));
  await journal.flush();
  await Promise.all([journal.flush(), journal.write('b', (tx) => tx.putHost(host('b')))]);
  expect(await registry.meta.read(({ fleet }) => fleet.hosts())).toHaveLength(2);
});

test('what may wait is written when something may not', async () => {
  const registry = await openRegistry();
  const { journal, transactions } = journalOf(registry);
  journal.later('a', (tx) => tx.putHost(host('a')));
  await journal.write('b', (tx) => tx.putHost(host('b')));
  expect(await registry.meta.read(({ fleet }) => fleet.hosts())).toHaveLength(2);
  expect(transactions()).toBe(1);
});

test('what comes in later is written later, also where something earlier had its key', async () => {
  const registry = await openRegistry();
  const { journal } = journalOf(registry);
  journal.later('host', (tx) => tx.putHost(host('web1', 'first')));
  journal.later('state', (tx) =>
    tx.putHostState({
      host: 'web1',
      configuration: 'p',
      report: undefined,
      changed: '2026',
      contact: '2026',
    }),
  );
  await journal.write('host', (tx) => tx.deleteHost('web1'));
  expect(await registry.meta.read(({ fleet }) => fleet.hostStates())).toEqual([]);
});
