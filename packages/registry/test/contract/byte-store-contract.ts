import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ByteStore } from '@deploy-tools/registry/layers/byte-store.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { stagingContract } from './staging-contract.js';

/** An adapter over fresh, empty storage. */
export interface OpenedByteStore {
  readonly store: ByteStore;
  /** The same storage as another process would find it now: nothing is closed or finished first. */
  reopen(): Promise<ByteStore>;
  cleanUp(): Promise<void>;
}

export type WithStore = (
  what: string,
  body: (store: ByteStore, opened: OpenedByteStore) => Promise<void>,
) => void;

/** Every sentence of layers/byte-store.ts as a test; see docs/testing.md for adding an adapter. */
export function byteStoreContract(name: string, open: () => Promise<OpenedByteStore>): void {
  const withStore: WithStore = (what, body) => {
    test(what, async () => {
      const opened = await open();
      try {
        await body(opened.store, opened);
      } finally {
        await opened.cleanUp();
      }
    });
  };

  describe(`${name}: the contract of ByteStore`, () => {
    describe('staging', () => stagingContract(withStore));
    describe('sealed uploads', () => sealing(withStore));
    describe('archives', () => archives(withStore));
  });
}

function sealing(withStore: WithStore): void {
  withStore('the same bytes uploaded by many at once are there once', async (store) => {
    const content = randomBytes(200_000);
    const sealed = await Promise.all(Array.from({ length: 8 }, () => put(store, content)));
    expect(new Set(sealed).size).toBe(1);
    expect(await store.uploads()).toMatchObject([{ hash: sealed[0], size: content.length }]);
  });

  withStore('have the time of sealing, and are there for another process', async (store, { reopen }) => {
    const before = Math.floor(Date.now() / 1000) - 1;
    const hash = await put(store, Buffer.from('abc'));
    const [info] = await (await reopen()).uploads();
    expect(info).toMatchObject({ hash, size: 3 });
    expect(info?.mtime).toBeGreaterThanOrEqual(before);
    expect(info?.mtime).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000) + 1);
  });

  withStore('can be removed; removing what is not there does nothing', async (store) => {
    const hash = await put(store, Buffer.from('abc'));
    await store.removeUpload(hash);
    await store.removeUpload(hash);
    expect(await store.uploads()).toEqual([]);
  });

  withStore('cleaning removes what was interrupted, and nothing else', async (store, { reopen }) => {
    const sealed = await put(store, Buffer.from('sealed'));
    const archive = await put(store, Buffer.from('archive'));
    await store.promote(archive);
    const interrupted = await Promise.all([0, 1, 2].map(() => store.stage()));
    for (const upload of interrupted) await upload.write(Buffer.from('partial'), 0);
    const again = await reopen();
    expect(await again.clean()).toBe(3);
    for (const upload of interrupted) await upload.discard();
    expect(await again.clean()).toBe(0);
    expect((await again.uploads()).map(({ hash }) => hash)).toContain(sealed);
    expect((await again.archives()).map(({ hash }) => hash)).toEqual([archive]);
  });
}

function archives(withStore: WithStore): void {
  withStore('an upload that is promoted can be read, in any ranges side by side', async (store) => {
    const content = randomBytes(300_000);
    const hash = await put(store, content);
    expect(await store.promote(hash)).toMatchObject({ hash, size: content.length });
    const file = await store.open(hash);
    expect(file.size).toBe(content.length);
    const range = fc.tuple(fc.nat(content.length + 1000), fc.nat(60_000));
    await fc.assert(
      fc.asyncProperty(fc.array(range, { maxLength: 8 }), async (ranges) => {
        const reads = ranges.map(async ([position, length]) => {
          const target = Buffer.alloc(length, 0xee);
          const bytes = await file.read(target, position);
          expect(bytes).toBe(Math.max(0, Math.min(length, content.length - position)));
          expect(target.subarray(0, bytes).equals(content.subarray(position, position + bytes))).toBe(true);
          expect(target.subarray(bytes).every((byte) => byte === 0xee)).toBe(true);
        });
        await Promise.all(reads);
      }),
      { numRuns: 30 },
    );
    await file.close();
  });

  withStore('promoting again does nothing, whether the upload is there or not', async (store) => {
    const hash = await put(store, Buffer.from('abc'));
    const first = await store.promote(hash);
    expect(await store.promote(hash)).toEqual(first);
    await store.removeUpload(hash);
    expect(await store.promote(hash)).toEqual(first);
    expect(await readAll(store, hash)).toEqual(Buffer.from('abc'));
    expect(await store.archives()).toEqual([first]);
  });

  withStore('demoting undoes promoting, whether the upload is there or not', async (store) => {
    const hash = await put(store, Buffer.from('abc'));
    for (const uploadStays of [true, false]) {
      await store.promote(hash);
      if (!uploadStays) await store.removeUpload(hash);
      await store.demote(hash);
      await store.demote(hash);
      expect(await store.archives()).toEqual([]);
      expect(await store.uploads()).toMatchObject([{ hash, size: 3 }]);
    }
    await store.promote(hash);
    expect(await readAll(store, hash)).toEqual(Buffer.from('abc'));
  });

  withStore('promoting at once is one archive', async (store) => {
    const hash = await put(store, Buffer.from('abc'));
    const infos = await Promise.all(Array.from({ length: 6 }, () => store.promote(hash)));
    expect(infos.every((info) => info.hash === hash && info.size === 3)).toBe(true);
    expect(await store.archives()).toHaveLength(1);
  });

  withStore('the same bytes uploaded again leave an archive as it is', async (store) => {
    const hash = await put(store, Buffer.from('abc'));
    await store.promote(hash);
    const file = await store.open(hash);
    await put(store, Buffer.from('abc'));
    await store.promote(hash);
    await store.removeUpload(hash);
    expect(await file.read(Buffer.alloc(10), 0)).toBe(3);
    await file.close();
    expect(await readAll(store, hash)).toEqual(Buffer.from('abc'));
  });

  withStore('what is not there is not found', async (store) => {
    const hash = '0'.repeat(64);
    expect(await store.stat(hash)).toBeUndefined();
    expect(await kindOfRejection(store.open(hash))).toBe('not-found');
    expect(await kindOfRejection(store.promote(hash))).toBe('not-found');
    await store.remove(hash);
  });

  withStore('a removed file stays readable where it is open', async (store) => {
    const hash = await put(store, Buffer.from('abc'));
    await store.promote(hash);
    await store.removeUpload(hash);
    const file = await store.open(hash);
    await store.remove(hash);
    expect(await store.stat(hash)).toBeUndefined();
    expect(await file.read(Buffer.alloc(10), 0)).toBe(3);
    await file.close();
    expect(await kindOfRejection(store.promote(hash))).toBe('not-found');
  });

  withStore('are there for another process', async (store, { reopen }) => {
    const hash = await put(store, Buffer.from('abc'));
    const info = await store.promote(hash);
    const again = await reopen();
    expect(await again.archives()).toEqual([info]);
    expect(await again.stat(hash)).toEqual(info);
  });

  withStore('a thread finds archives and uploads where they lie', async (store) => {
    const hash = await put(store, Buffer.from('abc'));
    expect(await store.locate('archive', hash)).toBeUndefined();
    const upload = await store.locate('upload', hash);
    expect(upload?.size).toBe(3);
    expect(readFileSync(upload?.path ?? '', 'utf8')).toBe('abc');
    await store.promote(hash);
    await store.removeUpload(hash);
    expect(await store.locate('upload', hash)).toBeUndefined();
    const archive = await store.locate('archive', hash);
    expect([archive?.size, readFileSync(archive?.path ?? '', 'utf8')]).toEqual([3, 'abc']);
  });

  withStore('anything but 64 lower-case hex digits is refused and touches nothing', async (store) => {
    const names = ['', '.', '..', '../files', '/etc/passwd', 'AB'.repeat(32), '0'.repeat(63), '0'.repeat(65)];
    const hostile = fc.oneof(
      fc.constantFrom(...names),
      fc.string(),
      fc.string().map((text) => `${text}${'0'.repeat(64)}`),
    );
    await fc.assert(
      fc.asyncProperty(hostile, async (name) => {
        fc.pre(!/^[0-9a-f]{64}$/.test(name));
        const calls: readonly (() => Promise<unknown>)[] = [
          () => store.stat(name),
          () => store.open(name),
          () => store.promote(name),
          () => store.remove(name),
          () => store.removeUpload(name),
          () => store.locate('archive', name),
          () => store.locate('upload', name),
        ];
        for (const call of calls) expect(await kindOfRejection(call())).toBe('invalid');
      }),
      { numRuns: 40 },
    );
  });

  withStore('free space is a number of bytes', async (store) => {
    expect(await store.freeBytes()).toBeGreaterThan(0);
  });
}

async function put(store: ByteStore, content: Buffer): Promise<string> {
  const upload = await store.stage();
  await upload.write(content, 0);
  return (await upload.seal()).hash;
}

async function readAll(store: ByteStore, hash: string): Promise<Buffer> {
  const file = await store.open(hash);
  const content = Buffer.alloc(file.size);
  await file.read(content, 0);
  await file.close();
  return content;
}
