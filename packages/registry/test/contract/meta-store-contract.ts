import type { MetaStore } from '@deploy-tools/registry/meta/meta-store.js';
import { describe, expect, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { auditContract } from './audit-contract.js';
import { fleetContract } from './fleet-contract.js';
import { historyContract } from './history-contract.js';
import { indexContract } from './index-contract.js';
import { layerOf, revisionOf, uploadOf, versionOf } from './meta-samples.js';
import { noticeContract } from './notice-contract.js';
import { tracksContract } from './tracks-contract.js';
import { transactionContract } from './transaction-contract.js';

/** An adapter over fresh, empty storage. */
export interface OpenedMetaStore {
  readonly store: MetaStore;
  /** Closes every store that is open on this storage and opens it anew. */
  reopen(): Promise<MetaStore>;
  /** Whatever is left is closed and removed. */
  cleanUp(): Promise<void>;
}

/**
 * Every sentence of meta/meta-store.ts as a test. An adapter passes it when it can stand in for any other; see
 * docs/testing.md for adding one.
 */
export function metaStoreContract(name: string, open: () => Promise<OpenedMetaStore>): void {
  /** A test with a store of its own. */
  const withStore = (what: string, body: (store: MetaStore, opened: OpenedMetaStore) => Promise<void>) => {
    test(what, async () => {
      const opened = await open();
      try {
        await body(opened.store, opened);
      } finally {
        await opened.cleanUp();
      }
    });
  };

  describe(`${name}: the contract of MetaStore`, () => {
    describe('transactions', () => transactionContract(withStore));
    describe('versions', () => versions(withStore));
    describe('configurations', () => configurations(withStore));
    describe('uploads', () => uploads(withStore));
    describe('indexes', () => indexContract(withStore));
    describe('audit', () => auditContract(withStore));
    describe('hosts and deploys', () => fleetContract(withStore));
    describe('the size of history', () => historyContract(withStore));
    describe('notices', () => noticeContract(withStore));
    describe('tracks', () => tracksContract(withStore));
  });
}

export type WithStore = (
  what: string,
  body: (store: MetaStore, opened: OpenedMetaStore) => Promise<void>,
) => void;

function versions(withStore: WithStore): void {
  withStore('what is not there is undefined or empty', async (store) => {
    await store.write(async (tx) => {
      expect(await tx.version('code', 'v1')).toBeUndefined();
      expect(await tx.versions('code')).toEqual([]);
      expect(await tx.components()).toEqual([]);
      expect(await tx.isArchiveUsed('0'.repeat(64))).toBe(false);
      await tx.deleteVersion('code', 'v1');
    });
  });

  withStore('are listed in the order in which they were added, whatever their times say', async (store) => {
    const times = ['03', '01', '02', '02', '02', '01'];
    await store.write(async (tx) => {
      for (const [index, second] of times.entries()) {
        const created = `2026-01-01T00:00:${second}.000Z`;
        await tx.insertVersion({ ...versionOf('code', `v${9 - index}`), created });
      }
    });
    const listed = await store.read((tx) => tx.versions('code'));
    expect(listed.map(({ version }) => version)).toEqual(['v9', 'v8', 'v7', 'v6', 'v5', 'v4']);
  });

  withStore('one that exists is not inserted again, and the first stays', async (store) => {
    await store.write((tx) => tx.insertVersion(versionOf('code', 'v1')));
    const again = store.write((tx) =>
      tx.insertVersion({ ...versionOf('code', 'v1'), hash: 'ef'.repeat(32) }),
    );
    expect(await kindOfRejection(again)).toBe('exists');
    expect(await store.read((tx) => tx.version('code', 'v1'))).toEqual(versionOf('code', 'v1'));
  });

  withStore('a component is there while it has a version', async (store) => {
    await store.write(async (tx) => {
      await tx.insertVersion(versionOf('code', 'v1'));
      await tx.insertVersion(versionOf('code', 'v2'));
      await tx.insertVersion(versionOf('config', 'v1'));
      await tx.deleteVersion('code', 'v1');
      expect(await tx.components()).toEqual(['code', 'config']);
      await tx.deleteVersion('code', 'v2');
      expect(await tx.components()).toEqual(['config']);
    });
  });

  withStore('an archive is used while a version of any component names it', async (store) => {
    const { hash } = versionOf('code', 'v1');
    await store.write(async (tx) => {
      await tx.insertVersion(versionOf('code', 'v1'));
      await tx.insertVersion({ ...versionOf('other', 'v9'), hash });
      await tx.deleteVersion('code', 'v1');
      expect(await tx.isArchiveUsed(hash)).toBe(true);
      await tx.deleteVersion('other', 'v9');
      expect(await tx.isArchiveUsed(hash)).toBe(false);
    });
  });

  withStore('names are distinguished and sorted by their UTF-8 bytes', async (store) => {
    const names = [
      'a',
      'A',
      'Z',
      'a b',
      'é',
      'e\u0301',
      'ä',
      '\u{1F600}',
      '\uFF5E',
      "o'; --",
      '%',
      '_',
      'a%',
      '10',
      '9',
    ];
    const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    await store.write(async (tx) => {
      for (const name of names) {
        await tx.insertVersion(versionOf(name, name));
        await tx.appendRevision(revisionOf(name, 1, [layerOf(name, name)]));
      }
    });
    await store.read(async (tx) => {
      expect(await tx.components()).toEqual(sorted);
      expect(await tx.configurations()).toEqual(sorted);
      for (const name of names) {
        expect(await tx.version(name, name)).toEqual(versionOf(name, name));
        expect(await tx.configurationsUsing(name)).toEqual([name]);
      }
    });
  });

  withStore('a size beyond 32 bits is kept', async (store) => {
    const version = { ...versionOf('code', 'v1'), size: 2 ** 45 + 1 };
    await store.write((tx) => tx.insertVersion(version));
    expect(await store.read((tx) => tx.version('code', 'v1'))).toEqual(version);
  });
}

function configurations(withStore: WithStore): void {
  withStore('what is not there is undefined or empty', async (store) => {
    await store.write(async (tx) => {
      expect(await tx.configuration('p')).toBeUndefined();
      expect(await tx.revisions('p')).toEqual([]);
      expect(await tx.lastRevision('p')).toBe(0);
      expect(await tx.head('p')).toBeUndefined();
      expect(await tx.configurationsUsing('code')).toEqual([]);
    });
  });

  withStore('the last revision is the head; the order of layers is kept', async (store) => {
    const layers = ['z', 'a', 'm'].map((component) => layerOf(component, 'v1'));
    await store.write(async (tx) => {
      await tx.appendRevision(revisionOf('p', 1, layers));
      await tx.appendRevision(revisionOf('p', 2, layers.toReversed()));
    });
    await store.read(async (tx) => {
      const { author: _author, command: _command, ...head } = revisionOf('p', 2, layers.toReversed());
      expect(await tx.configuration('p')).toEqual(head);
      expect(await tx.revisions('p')).toEqual([
        revisionOf('p', 1, layers),
        revisionOf('p', 2, layers.toReversed()),
      ]);
    });
  });

  withStore('a revision that is not the next one is a conflict, and changes nothing', async (store) => {
    await store.write((tx) => tx.appendRevision(revisionOf('p', 1, [layerOf('code', 'v1')])));
    for (const number of [0, 1, 3, 100]) {
      const stale = store.write((tx) => tx.appendRevision(revisionOf('p', number, [layerOf('code', 'v2')])));
      expect(await kindOfRejection(stale)).toBe('conflict');
    }
    const first = store.write((tx) => tx.appendRevision(revisionOf('new', 2, [layerOf('code', 'v2')])));
    expect(await kindOfRejection(first)).toBe('conflict');
    await store.read(async (tx) => {
      expect((await tx.configuration('p'))?.revision).toBe(1);
      expect(await tx.configurations()).toEqual(['p']);
    });
  });

  withStore('a revision without layers deletes it; history stays and numbers go on', async (store) => {
    const layers = [layerOf('code', 'v1')];
    await store.write(async (tx) => {
      await tx.appendRevision(revisionOf('p', 1, layers));
      await tx.appendRevision(revisionOf('p', 2, []));
      expect(await tx.configuration('p')).toBeUndefined();
      expect(await tx.configurations()).toEqual([]);
      expect(await tx.configurationsUsing('code')).toEqual([]);
      expect(await tx.lastRevision('p')).toBe(2);
      expect(await tx.head('p')).toEqual(revisionOf('p', 2, []));
    });
    expect(await kindOfRejection(store.write((tx) => tx.appendRevision(revisionOf('p', 1, layers))))).toBe(
      'conflict',
    );
    await store.write(async (tx) => {
      await tx.appendRevision(revisionOf('p', 3, layers));
      expect((await tx.configuration('p'))?.revision).toBe(3);
      expect(await tx.head('p')).toEqual(revisionOf('p', 3, layers));
      expect(await tx.revisions('p')).toEqual([
        revisionOf('p', 1, layers),
        revisionOf('p', 2, []),
        revisionOf('p', 3, layers),
      ]);
      expect(await tx.revisions('p', 2)).toEqual([revisionOf('p', 2, []), revisionOf('p', 3, layers)]);
      expect(await tx.revision('p', 2)).toEqual(revisionOf('p', 2, []));
      expect(await tx.revision('p', 4)).toBeUndefined();
    });
  });

  withStore('only heads use a component, all versions of it or one', async (store) => {
    await store.write(async (tx) => {
      await tx.appendRevision(revisionOf('b', 1, [layerOf('code', 'v1'), layerOf('config', 'v1')]));
      await tx.appendRevision(revisionOf('a', 1, [layerOf('code', 'v2')]));
      await tx.appendRevision(revisionOf('c', 1, [layerOf('code', 'v1')]));
      await tx.appendRevision(revisionOf('c', 2, [layerOf('config', 'v1')]));
      expect(await tx.configurationsUsing('code')).toEqual(['a', 'b']);
      expect(await tx.configurationsUsing('code', 'v1')).toEqual(['b']);
      expect(await tx.configurationsUsing('config')).toEqual(['b', 'c']);
      expect(await tx.configurationsUsing('code', 'v3')).toEqual([]);
    });
  });
}

function uploads(withStore: WithStore): void {
  withStore('are listed oldest first, of all owners or of one', async (store) => {
    const [a, b, c] = [uploadOf('a', 'alice', 3), uploadOf('b', 'bob', 1), uploadOf('c', 'alice', 2)];
    await store.write(async (tx) => {
      for (const upload of [a, b, c]) await tx.putUpload(upload);
    });
    await store.read(async (tx) => {
      expect(await tx.uploads()).toEqual([b, c, a]);
      expect(await tx.uploads('alice')).toEqual([c, a]);
      expect(await tx.uploads('carol')).toEqual([]);
      expect([await tx.hasUpload(a.hash), await tx.hasUpload('0'.repeat(64))]).toEqual([true, false]);
    });
  });

  withStore('one that is put again has a new time, and is there once', async (store) => {
    await store.write(async (tx) => {
      await tx.putUpload(uploadOf('a', 'alice', 1));
      await tx.putUpload(uploadOf('b', 'alice', 2));
      await tx.putUpload(uploadOf('a', 'alice', 3));
      expect(await tx.uploads()).toEqual([uploadOf('b', 'alice', 2), uploadOf('a', 'alice', 3)]);
    });
  });

  withStore('the same bytes of several owners are deleted together', async (store) => {
    await store.write(async (tx) => {
      await tx.putUpload(uploadOf('a', 'alice'));
      await tx.putUpload(uploadOf('a', 'bob'));
      await tx.putUpload(uploadOf('b', 'bob'));
      await tx.deleteUpload(uploadOf('a').hash);
      await tx.deleteUpload(uploadOf('a').hash);
      expect(await tx.uploads()).toEqual([uploadOf('b', 'bob')]);
    });
  });
}
