import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { StagedUpload } from '@deploy-tools/registry/layers/byte-store.js';
import fc from 'fast-check';
import { expect } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import type { WithStore } from './byte-store-contract.js';

/** What ByteStore promises of an upload until it is sealed. */
export function stagingContract(withStore: WithStore): void {
  withStore('bytes written in any order, also over each other, are hashed as they end up', async (store) => {
    const piece = fc.record({ at: fc.nat(5000), length: fc.nat(3000), fill: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fc.boolean(), async (pieces, atOnce) => {
        const upload = await store.stage();
        const length = Math.max(0, ...pieces.map((one) => (one.length === 0 ? 0 : one.at + one.length)));
        const expected = Buffer.alloc(length);
        const disjoint = atOnce ? withoutOverlaps(pieces) : pieces;
        const writes = [];
        for (const { at, length: size, fill } of disjoint) {
          const data = Buffer.alloc(size, fill);
          data.copy(expected, at);
          const write = upload.write(data, at);
          if (atOnce) writes.push(write);
          else await write;
        }
        await Promise.all(writes);
        const content = expected.subarray(
          0,
          Math.max(0, ...disjoint.map((one) => (one.length === 0 ? 0 : one.at + one.length))),
        );
        expect(upload.size).toBe(content.length);
        expect(await upload.seal()).toEqual({ hash: sha256sum(content), size: content.length });
      }),
      { numRuns: 25 },
    );
  });

  withStore('pieces in order, many at once, have the hash that sha256sum gives', async (store) => {
    const content = randomBytes(3_000_000);
    const upload = await store.stage();
    const writes = [];
    for (let at = 0; at < content.length; at += 100_000)
      writes.push(upload.write(content.subarray(at, at + 100_000), at));
    await Promise.all(writes);
    expect(await upload.seal()).toEqual({ hash: sha256sum(content), size: content.length });
  });

  withStore('pieces in any order, many at once, have the hash that sha256sum gives', async (store) => {
    const content = randomBytes(3_000_000);
    const upload = await store.stage();
    const places = Array.from({ length: 30 }, (_, index) => ((index * 7) % 30) * 100_000);
    await Promise.all(places.map((at) => upload.write(content.subarray(at, at + 100_000), at)));
    expect(await upload.seal()).toEqual({ hash: sha256sum(content), size: content.length });
  });

  withStore('a place that was never written reads as zeros', async (store) => {
    const upload = await store.stage();
    await upload.write(Buffer.from('end'), 100_000);
    const expected = Buffer.concat([Buffer.alloc(100_000), Buffer.from('end')]);
    expect(await upload.seal()).toEqual({ hash: sha256sum(expected), size: 100_003 });
  });

  withStore('writing no bytes changes nothing, wherever', async (store) => {
    const upload = await store.stage();
    await upload.write(Buffer.alloc(0), 1000);
    await upload.write(Buffer.from('abc'), 0);
    await upload.write(Buffer.alloc(0), 50);
    expect(upload.size).toBe(3);
    expect(await upload.seal()).toEqual({ hash: sha256sum(Buffer.from('abc')), size: 3 });
  });

  withStore('no bytes are an upload too', async (store) => {
    const upload = await store.stage();
    expect(upload.size).toBe(0);
    expect(await upload.seal()).toEqual({ hash: sha256sum(Buffer.alloc(0)), size: 0 });
  });

  withStore('preparing changes nothing but the time that sealing takes; writing may go on', async (store) => {
    const upload = await store.stage();
    await upload.write(Buffer.from('ab'), 0);
    await upload.prepare();
    await upload.prepare();
    expect(await store.uploads()).toEqual([]);
    await upload.write(Buffer.from('c'), 2);
    await upload.prepare();
    await upload.write(Buffer.from('X'), 0);
    expect(await upload.seal()).toEqual({ hash: sha256sum(Buffer.from('Xbc')), size: 3 });
  });

  withStore('until it is sealed it is nowhere to be seen', async (store) => {
    const upload = await store.stage();
    await upload.write(Buffer.from('abc'), 0);
    expect([await store.uploads(), await store.archives()]).toEqual([[], []]);
    await upload.discard();
  });

  withStore('discarding leaves nothing; doing it again, or after sealing, does nothing', async (store) => {
    const dropped = await store.stage();
    await dropped.write(Buffer.from('abc'), 0);
    await dropped.discard();
    await dropped.discard();
    expect(await store.uploads()).toEqual([]);
    const sealed = await store.stage();
    await sealed.write(Buffer.from('abc'), 0);
    const { hash } = await sealed.seal();
    await sealed.discard();
    expect((await store.uploads()).map((info) => info.hash)).toEqual([hash]);
    expect(await store.clean()).toBe(0);
  });

  withStore('after its end it can be neither written nor sealed', async (store) => {
    for (const end of [(upload: StagedUpload) => upload.seal(), (upload: StagedUpload) => upload.discard()]) {
      const upload = await store.stage();
      await upload.write(Buffer.from('abc'), 0);
      await end(upload);
      expect(await kindOfRejection(upload.seal())).toBe('internal');
      expect(await kindOfRejection(upload.write(Buffer.from('x'), 3))).toBe('internal');
    }
    expect((await store.uploads()).map(({ hash }) => hash)).toEqual([sha256sum(Buffer.from('abc'))]);
  });

  withStore('discarding while writes are under way lets them end', async (store) => {
    const upload = await store.stage();
    const writes = Array.from({ length: 20 }, (_, index) =>
      upload.write(Buffer.alloc(100_000, index), index * 100_000),
    );
    await upload.discard();
    for (const outcome of await Promise.all(writes.map(kindOfRejection))) {
      expect(['nothing thrown', 'internal']).toContain(outcome);
    }
    expect(await store.clean()).toBe(0);
  });
}

function sha256sum(content: Buffer): string {
  return execFileSync('sha256sum', { input: content, encoding: 'utf8' }).slice(0, 64);
}

interface Piece {
  readonly at: number;
  readonly length: number;
  readonly fill: number;
}

/** What two writes at once to one place leave is nobody's promise. */
function withoutOverlaps(pieces: readonly Piece[]): Piece[] {
  const taken: Piece[] = [];
  for (const piece of pieces) {
    if (taken.every((other) => piece.at + piece.length <= other.at || other.at + other.length <= piece.at))
      taken.push(piece);
  }
  return taken;
}
