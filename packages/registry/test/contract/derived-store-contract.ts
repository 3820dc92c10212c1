import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { DerivedKind, DerivedStore } from '@deploy-tools/registry/layers/derived-store.js';
import { describe, expect, test } from 'vitest';
import { kindOf, kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { hashOf } from './meta-samples.js';

/** An adapter over fresh, empty storage. */
export interface OpenedDerivedStore {
  readonly store: DerivedStore;
  /** The same storage as another process would find it now. */
  reopen(): Promise<DerivedStore>;
  cleanUp(): Promise<void>;
}

const KINDS: readonly DerivedKind[] = ['manifest', 'pack'];

/** Every sentence of layers/derived-store.ts as a test; see docs/testing.md for adding an adapter. */
export function derivedStoreContract(name: string, open: () => Promise<OpenedDerivedStore>): void {
  const withStore = (what: string, body: (opened: OpenedDerivedStore) => Promise<void>) => {
    test(what, async () => {
      const opened = await open();
      try {
        await body(opened);
      } finally {
        await opened.cleanUp();
      }
    });
  };

  describe(`${name}: the contract of DerivedStore`, () => {
    withStore(
      'drafts have paths of their own; one that is put can be read by its hash',
      async ({ store }) => {
        const contents = { manifest: randomBytes(1000), pack: randomBytes(100_000) };
        for (const kind of KINDS) {
          expect(store.draft(kind)).not.toBe(store.draft(kind));
          const hash = await put(store, kind, contents[kind]);
          expect(await store.stat(kind, hash)).toMatchObject({ hash, size: contents[kind].length });
          expect(readFileSync(store.locate(kind, hash)).equals(contents[kind])).toBe(true);
          const file = await store.open(kind, hash);
          const target = Buffer.alloc(500);
          expect(await file.read(target, 400)).toBe(500);
          expect(target.equals(contents[kind].subarray(400, 900))).toBe(true);
          await file.close();
        }
      },
    );

    withStore('manifests and packs are apart, and listed by hash', async ({ store, reopen }) => {
      const hashes = [];
      for (const text of ['a', 'b', 'c']) hashes.push(await put(store, 'manifest', Buffer.from(text)));
      await put(store, 'pack', Buffer.from('p'));
      const listed = await (await reopen()).list('manifest');
      expect(listed.map(({ hash }) => hash)).toEqual(hashes.sort());
      expect(listed.every(({ size }) => size === 1)).toBe(true);
      expect((await store.list('pack')).map(({ hash }) => hash)).toEqual([hashOf('p')]);
      expect(await store.stat('pack', hashOf('a'))).toBeUndefined();
    });

    withStore('a draft replaces the file, which stays readable where it is open', async ({ store }) => {
      const hash = await put(store, 'pack', Buffer.from('good'));
      writeFileSync(store.locate('pack', hash), 'bad!');
      const file = await store.open('pack', hash);
      await put(store, 'pack', Buffer.from('good'));
      expect(readFileSync(store.locate('pack', hash), 'utf8')).toBe('good');
      const target = Buffer.alloc(4);
      await file.read(target, 0);
      expect(target.toString()).toBe('bad!');
      await file.close();
    });

    withStore('a removed file stays readable where it is open', async ({ store }) => {
      const hash = await put(store, 'manifest', Buffer.from('abc'));
      const file = await store.open('manifest', hash);
      await store.remove('manifest', hash);
      await store.remove('manifest', hash);
      expect(await store.stat('manifest', hash)).toBeUndefined();
      expect(await kindOfRejection(store.open('manifest', hash))).toBe('not-found');
      expect(await file.read(Buffer.alloc(10), 0)).toBe(3);
      await file.close();
    });

    withStore(
      'drafts are no manifests; they go when discarded, or with cleaning',
      async ({ store, reopen }) => {
        const kept = await put(store, 'manifest', Buffer.from('kept'));
        const drafts = KINDS.map((kind) => store.draft(kind));
        for (const draft of drafts) writeFileSync(draft, 'half');
        expect((await store.list('manifest')).map(({ hash }) => hash)).toEqual([kept]);
        await store.discard(drafts[0] ?? '');
        await store.discard(drafts[0] ?? '');
        const again = await reopen();
        expect(await again.clean()).toBe(1);
        expect(await again.clean()).toBe(0);
        expect(drafts.some((draft) => existsSync(draft))).toBe(false);
        expect((await again.list('manifest')).map(({ hash }) => hash)).toEqual([kept]);
      },
    );

    withStore('a draft that was not written cannot be put', async ({ store }) => {
      expect(await kindOfRejection(store.put('pack', hashOf('x'), store.draft('pack')))).toBe('not-found');
      expect(await store.list('pack')).toEqual([]);
    });

    withStore('anything but 64 lower-case hex digits is refused', async ({ store }) => {
      for (const hash of ['', '..', '../host_key', 'AB'.repeat(32), '0'.repeat(63), `${'0'.repeat(64)}/x`]) {
        expect(await kindOfRejection(store.stat('pack', hash))).toBe('invalid');
        expect(await kindOfRejection(store.open('manifest', hash))).toBe('invalid');
        expect(await kindOfRejection(store.remove('pack', hash))).toBe('invalid');
        expect(await kindOfRejection(store.put('pack', hash, store.draft('pack')))).toBe('invalid');
        expect(kindOf(() => store.locate('pack', hash))).toBe('invalid');
      }
    });
  });
}

async function put(store: DerivedStore, kind: DerivedKind, content: Buffer): Promise<string> {
  const draft = store.draft(kind);
  writeFileSync(draft, content);
  const hash = hashOf(content);
  await store.put(kind, hash, draft);
  return hash;
}
