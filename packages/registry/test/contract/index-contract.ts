import type { LayerFileKind } from '@deploy-tools/registry/meta/meta-store.js';
import { expect } from 'vitest';
import { hashOf, indexOf, layerOf, refusedOf, revisionOf, uploadOf, versionOf } from './meta-samples.js';
import type { WithStore } from './meta-store-contract.js';

/** What MetaStore says of the indexes of archives. */
export function indexContract(withStore: WithStore): void {
  withStore('what is not there is undefined or empty', async (store) => {
    await store.write(async (tx) => {
      expect(await tx.index(hashOf('a'))).toBeUndefined();
      expect(await tx.indexes()).toEqual([]);
      expect(await tx.isIndexFileUsed(hashOf('a'))).toBe(false);
      expect(await tx.newestIndexed()).toEqual([]);
      expect(await tx.archivesByUse()).toEqual([]);
      expect(await tx.archiveUsers(hashOf('a'))).toEqual({ versions: [], configurations: [] });
      await tx.deleteIndex(hashOf('a'));
    });
  });

  withStore('is kept as it is, and replaced by the next of that archive', async (store) => {
    const { reason, ...refused } = refusedOf('c');
    const unhinted = { ...refused, reason: { ...reason, hint: undefined } };
    const large = { ...indexOf('a'), bytes: 2 ** 45 + 1, pack: { hash: hashOf('large'), size: 2 ** 41 } };
    await store.write(async (tx) => {
      await tx.putIndex(large);
      await tx.putIndex(refusedOf('b'));
      await tx.putIndex(unhinted);
    });
    await store.read(async (tx) => {
      expect(await tx.index(hashOf('a'))).toEqual(large);
      expect(await tx.index(hashOf('b'))).toEqual(refusedOf('b'));
      const all = [large, refusedOf('b'), unhinted];
      all.sort((a, b) => (a.archive.hash < b.archive.hash ? -1 : 1));
      expect(await tx.indexes()).toEqual(all);
    });
    await store.write(async (tx) => {
      await tx.putIndex(refusedOf('a'));
      await tx.putIndex(indexOf('b'));
    });
    await store.read(async (tx) => {
      expect(await tx.index(hashOf('a'))).toEqual(refusedOf('a'));
      expect(await tx.index(hashOf('b'))).toEqual(indexOf('b'));
    });
  });

  withStore('its files are used until the last index that names them is gone', async (store) => {
    const [a, b] = [indexOf('a'), { ...indexOf('b'), pack: indexOf('a').pack }];
    await store.write(async (tx) => {
      await tx.putIndex(a);
      await tx.putIndex(b);
      expect(await tx.isIndexFileUsed(a.manifest.hash)).toBe(true);
      await tx.deleteIndex(a.archive.hash);
      expect(await tx.isIndexFileUsed(a.manifest.hash)).toBe(false);
      expect(await tx.isIndexFileUsed(a.pack.hash)).toBe(true);
      await tx.deleteIndex(b.archive.hash);
      expect(await tx.isIndexFileUsed(a.pack.hash)).toBe(false);
    });
  });

  withStore('of each component the newest version that has one', async (store) => {
    await store.write(async (tx) => {
      for (const [component, version, content] of [
        ['code', 'v1', 'old'],
        ['code', 'v2', 'new'],
        ['code', 'v3', 'refused'],
        ['code', 'v4', 'none'],
        ['other', 'v1', 'new'],
        ['third', 'v1', 'third'],
      ] as const) {
        await tx.insertVersion({ ...versionOf(component, version), hash: hashOf(content) });
      }
      for (const content of ['old', 'new', 'third', 'nobody']) await tx.putIndex(indexOf(content));
      await tx.putIndex(refusedOf('refused'));
      const newest = (await tx.newestIndexed()).map(({ archive }) => archive.hash);
      expect(newest).toEqual([hashOf('new'), hashOf('third')].sort());
    });
  });

  withStore(
    'a file is of the configurations that ever named it, by what is made of archives too',
    async (store) => {
      const [a, b] = [versionOf('a', 'v1'), versionOf('b', 'v1')];
      const shared = { ...indexOf('other'), archive: { hash: b.hash, size: 1 }, pack: indexOf('a').pack };
      await store.write(async (tx) => {
        await tx.appendRevision(revisionOf('p', 1, [a]));
        await tx.appendRevision(revisionOf('p', 2, [a, b]));
        await tx.appendRevision(revisionOf('p', 3, [b]));
        await tx.appendRevision(revisionOf('q', 1, [a]));
        await tx.appendRevision(revisionOf('q', 2, []));
        await tx.appendRevision(revisionOf('r', 1, [b]));
        await tx.putIndex({ ...indexOf('a'), archive: { hash: a.hash, size: 1 } });
        await tx.putIndex(shared);
      });
      await store.read(async (tx) => {
        const named = async (kind: LayerFileKind, hash: string) =>
          (await tx.configurationsWith(kind, hash)).toSorted();
        expect(await named('archive', a.hash)).toEqual(['p', 'q']);
        expect(await named('archive', b.hash)).toEqual(['p', 'r']);
        expect(await named('manifest', indexOf('a').manifest.hash)).toEqual(['p', 'q']);
        expect(await named('manifest', shared.manifest.hash)).toEqual(['p', 'r']);
        expect(await named('pack', shared.pack.hash)).toEqual(['p', 'q', 'r']);
        expect(await named('pack', a.hash)).toEqual([]);
        expect(await named('archive', hashOf('nobody'))).toEqual([]);
      });
    },
  );

  withStore('archives by use: those of heads, then what was added last first, each once', async (store) => {
    const at = (second: number) => `2026-01-01T00:00:0${second}.000Z`;
    const add = (content: string, second: number) => ({
      ...versionOf(content, `v${second}`),
      hash: hashOf(content),
      created: at(second),
    });
    const lost = { ...layerOf('lost', 'v1'), hash: hashOf('lost'), created: at(0) };
    await store.write(async (tx) => {
      for (const [content, second] of [
        ['used', 1],
        ['b', 2],
        ['c', 4],
        ['b', 5],
        ['deleted', 3],
      ] as const) {
        await tx.insertVersion(add(content, second));
      }
      await tx.appendRevision(revisionOf('p', 1, [add('c', 4)]));
      await tx.appendRevision(revisionOf('p', 2, [add('used', 1), lost]));
      await tx.appendRevision(revisionOf('q', 1, [add('deleted', 3)]));
      await tx.appendRevision(revisionOf('q', 2, []));
      await tx.putUpload(uploadOf('upload'));
      expect(await tx.archivesByUse()).toEqual(['used', 'lost', 'deleted', 'b', 'c'].map(hashOf));
      expect(await tx.archiveUsers(hashOf('used'))).toEqual({
        versions: ['used:v1'],
        configurations: ['p'],
      });
      expect(await tx.archiveUsers(hashOf('b'))).toEqual({ versions: ['b:v2', 'b:v5'], configurations: [] });
      expect(await tx.archiveUsers(hashOf('lost'))).toEqual({ versions: [], configurations: ['p'] });
    });
  });
}
