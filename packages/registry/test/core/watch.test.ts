import type { ConfigurationHead } from '@deploy-tools/registry/core/configuration-events.js';
import { Heartbeats } from '@deploy-tools/registry/core/heartbeats.js';
import { checkWatchedNames, Watch, watchEvent } from '@deploy-tools/registry/core/watch.js';
import { parseLayerRef } from '@deploy-tools/shared/names.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addText, OPERATOR, onPorts, openRegistry, type TestRegistry } from '../support/open-registry.js';

const { role: _role, ...author } = OPERATOR;
const change = { author, command: 'the command line' };
const refs = (...texts: string[]) => texts.map(parseLayerRef);

async function withVersions(...names: string[]): Promise<TestRegistry> {
  const registry = await openRegistry();
  for (const name of names) {
    const { component, version } = parseLayerRef(name);
    await addText(registry, component, version);
    registry.pass(1000);
  }
  return registry;
}

/** What listeners are told, as `name@revision`. */
function toldOf(registry: TestRegistry, names?: readonly string[]): string[] {
  const told: string[] = [];
  registry.events.subscribe(names, ({ name, revision, hash }) =>
    told.push(`${name}@${revision}${hash === undefined ? ' deleted' : ''}`),
  );
  return told;
}

const headAt = (name: string, revision: number): ConfigurationHead => ({
  name,
  revision,
  hash: 'a'.repeat(64),
  mtime: '2026-01-01T00:00:00.000Z',
  author,
  command: 'x',
});

describe('subscribers', () => {
  test('get every revision of the configurations that they asked for', async () => {
    const registry = await withVersions('code:v1', 'code:v2');
    const [all, ofP, ofQ] = [toldOf(registry), toldOf(registry, ['p']), toldOf(registry, ['q', 'r'])];
    await registry.configurations.put(change, 'p', refs('code:v1'));
    await registry.configurations.put(change, 'q', refs('code:v1'));
    await registry.configurations.changeLayer(change, 'p', { component: 'code', version: 'v2' });
    await registry.configurations.replace(change, 'p', refs('code:v1'));
    await registry.configurations.bumpLayer(change, 'p', 'code');
    await registry.configurations.delete(change, 'p');
    await registry.configurations.put(change, 'p', refs('code:v1'));
    const mine = ['p@1', 'p@2', 'p@3', 'p@4', 'p@5 deleted', 'p@6'];
    expect(ofP).toEqual(mine);
    expect(ofQ).toEqual(['q@1']);
    expect(all).toEqual([mine[0], 'q@1', ...mine.slice(1)]);
  });

  test('get nothing where nothing changed or nothing was committed', async () => {
    const registry = await withVersions('code:v1');
    await registry.configurations.put(change, 'p', refs('code:v1'));
    const told = toldOf(registry);
    await registry.configurations.changeLayer(change, 'p', { component: 'code', version: 'v1' });
    await registry.configurations.bumpLayer(change, 'p', 'code');
    await expect(registry.configurations.put(change, 'p', refs('code:v9'))).rejects.toThrow();
    await expect(registry.configurations.delete(change, 'x')).rejects.toThrow();
    const { meta } = registry;
    const full = onPorts(registry, {
      meta: {
        read: (work) => meta.read(work),
        write: () => Promise.reject(new Error('disk full')),
        shrink: () => meta.shrink(),
        close: () => meta.close(),
      },
    });
    await expect(full.configurations.put(change, 'p', refs('code:v1'))).rejects.toThrow('disk full');
    expect(told).toEqual([]);
  });

  test('are called after the commit: they find the revision in the store', async () => {
    const registry = await withVersions('code:v1');
    const found = new Promise((resolve, reject) => {
      registry.events.subscribe(['p'], () => {
        registry.meta.read((tx) => tx.configuration('p')).then(resolve, reject);
      });
    });
    await registry.configurations.put(change, 'p', refs('code:v1'));
    expect(await found).toMatchObject({ revision: 1 });
  });

  test('are called until they unsubscribe, however many they are', async () => {
    const registry = await openRegistry();
    let told = 0;
    const all = new Promise<void>((resolve) => {
      const leaves = Array.from({ length: 1000 }, () =>
        registry.events.subscribe(['p'], () => {
          told += 1;
          if (told === 999) resolve();
        }),
      );
      leaves[500]?.();
    });
    registry.events.publish(headAt('p', 1));
    expect(told).toBeLessThan(999); // others had their turn in between
    await all;
  });
});

describe('a watch', () => {
  test('begins with what is, also of what is not', async () => {
    const registry = await withVersions('code:v1');
    const { after } = await registry.configurations.put(change, 'p', refs('code:v1'));
    await registry.configurations.put(change, 'gone', refs('code:v1'));
    await registry.configurations.delete(change, 'gone');
    const watch = await registry.watches.open(['p', 'gone', 'never']);
    const { name, revision, hash, mtime } = after;
    expect(await eventsOf(watch, 3)).toEqual([
      { kind: 'config', name, revision, hash, mtime },
      { kind: 'absent', name: 'gone', revision: 2 },
      { kind: 'absent', name: 'never', revision: 0 },
    ]);
    watch.close();
    expect(await watch.next()).toBeUndefined();
  });

  test('of all configurations has those that are, and those that come', async () => {
    const registry = await withVersions('code:v1');
    for (let number = 0; number < 250; number += 1)
      await registry.configurations.put(change, `p${number}`, refs('code:v1'));
    const watch = await registry.watches.open(undefined);
    const events = await eventsOf(watch, 250);
    expect(new Set(events.map((event) => event.kind === 'config' && event.name)).size).toBe(250);
    await registry.configurations.put(change, 'new', refs('code:v1'));
    expect(await eventsOf(watch, 1)).toMatchObject([{ kind: 'config', name: 'new', revision: 1 }]);
    watch.close();
  });

  test('misses nothing that is committed while it begins, and says nothing twice', async () => {
    const registry = await withVersions('code:v1', 'code:v2');
    await registry.configurations.put(change, 'p', refs('code:v1'));
    for (let round = 0; round < 20; round += 1) {
      const version = `v${(round % 2) + 1}`;
      const [watch] = await Promise.all([
        registry.watches.open(['p']),
        registry.configurations.changeLayer(change, 'p', { component: 'code', version }),
      ]);
      const last = await registry.meta.read((tx) => tx.head('p'));
      const revisions: number[] = [];
      while (revisions.at(-1) !== last?.revision) {
        const [event] = await eventsOf(watch, 1);
        if (event?.kind === 'config') revisions.push(event.revision);
      }
      expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
      watch.close();
    }
  });

  test('tells signs of life after what there is to tell, one however late', async () => {
    const registry = { ...(await openRegistry()), heartbeats: new Heartbeats(20) };
    const watch = new Watch(registry, ['p']);
    const beat = new Promise<void>((resolve) => registry.heartbeats.join(resolve));
    await beat;
    watch.offer(headAt('p', 1));
    expect((await eventsOf(watch, 2)).map(({ kind }) => kind)).toEqual(['config', 'heartbeat']);
    expect(await eventsOf(watch, 1)).toEqual([{ kind: 'heartbeat', time: registry.clock().toISOString() }]);
    watch.close();
  });

  test('has of each name the newest, never an older one after it, whatever the order', async () => {
    const registry = await openRegistry();
    const offered = fc.record({ name: fc.constantFrom('p', 'q', 'r'), revision: fc.nat(20) });
    const steps = fc.array(fc.oneof(offered, fc.constant('take' as const)), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const watch = new Watch(registry, ['p', 'q', 'r']);
        const highest = new Map<string, number>();
        const told = new Map<string, number>();
        let pending = new Set<string>();
        const take = async () => {
          const notice = await watch.next();
          if (notice?.kind !== 'head') throw new Error('a head was pending');
          const { name, revision } = notice.head;
          expect(revision).toBe(highest.get(name));
          expect(revision).toBeGreaterThan(told.get(name) ?? -1);
          told.set(name, revision);
          pending.delete(name);
        };
        for (const step of all) {
          if (step !== 'take') {
            const { name, revision } = step;
            watch.offer(headAt(name, revision));
            if (revision > (highest.get(name) ?? -1)) {
              highest.set(name, revision);
              pending = pending.add(name);
            }
          } else if (pending.size > 0) await take();
        }
        while (pending.size > 0) await take();
        expect(told).toEqual(highest);
        watch.close();
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['too many names', Array.from({ length: 101 }, (_, index) => `p${index}`), 'too-large'],
    ['a name that none can have', ['a/b'], 'invalid'],
  ])('of %s is refused', (_, names, kind) => {
    expect(() => checkWatchedNames(names)).toThrow(expect.objectContaining({ kind }));
  });
});

describe('a feed that does not take its updates', () => {
  test('gets the newest afterwards, and the updates kept for it do not grow', async () => {
    const registry = await openRegistry();
    const sent: number[] = [];
    let take = () => {};
    const ending = new AbortController();
    const feed = {
      signal: ending.signal,
      terminal: false,
      send: (text: string) => {
        sent.push(Number(text));
        return new Promise<void>((resolve) => {
          take = resolve;
        });
      },
    };
    const watch = await registry.watches.open(['p']);
    const done = watch.feed(feed, (update) => (update.kind === 'head' ? String(update.head.revision) : ''));
    while (sent.length === 0) await Promise.resolve();
    for (let revision = 1; revision <= 10_000; revision += 1) registry.events.publish(headAt('p', revision));
    take();
    await new Promise(setImmediate);
    take();
    await new Promise(setImmediate);
    expect(sent).toEqual([0, 10_000]);
    ending.abort();
    take();
    await done;
  });
});

async function eventsOf(watch: Watch, count: number) {
  const events = [];
  while (events.length < count) {
    const notice = await watch.next();
    if (notice === undefined) throw new Error('the watch is closed');
    events.push(watchEvent(notice));
  }
  return events;
}
