import { chunkPlaces } from '@deploy-tools/shared/layers/chunk-places.js';
import type { ManifestEntry, ManifestRoot } from '@deploy-tools/shared/layers/manifest.js';
import {
  decodeManifestRoot,
  encodeManifestRoot,
  type PlacelessRoot,
} from '@deploy-tools/shared/layers/manifest-root.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../support/kind-of.js';
import { chunkRefs, damaged, manifestEntries } from './manifest-values.js';

const HASH = '00'.repeat(31);

/** A root with numbers that fit together: the entries in segments of `step`. */
function rootOf(entries: number, step: number, content: number, compressor = 10507): PlacelessRoot {
  const segments = (size: number) =>
    Array.from({ length: Math.ceil(entries / size) }, (_, at) => ({
      digest: (at % 256).toString(16).padStart(2, '0').repeat(32),
      length: 50 + at,
      packedLength: 40,
      entries: Math.min(size, entries - at * size),
    }));
  const entrySegments = segments(step);
  const timeSegments = segments(4096);
  const contentOffset = 8 + 40 * (entrySegments.length + timeSegments.length);
  return {
    compressor,
    archive: { hash: `${HASH}01`, size: 1000 },
    pack: { hash: `${HASH}02`, size: contentOffset + content },
    contentOffset,
    entries,
    contentBytes: content * 2,
    entrySegments,
    timeSegments,
  };
}

const roots = fc
  .tuple(fc.nat(9000), fc.integer({ min: 1, max: 64 }), fc.nat(2 ** 40), fc.nat(99_999))
  .map((numbers) => rootOf(...numbers));
const empty = rootOf(0, 1, 0);

describe('manifest root', () => {
  it('any root survives, and its segments get their places', () => {
    fc.assert(
      fc.property(roots, (root) => {
        const read = decodeManifestRoot(encodeManifestRoot(root));
        expect(read).toMatchObject(root);
        let offset = 8;
        for (const segment of [...read.entrySegments, ...read.timeSegments]) {
          expect(segment.offset).toBe(offset);
          offset += segment.packedLength;
        }
        expect(offset).toBe(read.contentOffset);
      }),
    );
  });

  it('whatever can be read is written again as it was', () => {
    const small = fc
      .integer({ min: 0, max: 20 })
      .map((entries) => encodeManifestRoot(rootOf(entries, 5, 99)));
    const bytes = fc.oneof(damaged(small), fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(bytes, (given) => {
        const outcome = kindOf(() => {
          expect(encodeManifestRoot(decodeManifestRoot(given)).equals(given)).toBe(true);
        });
        expect(['nothing thrown', 'corrupt', 'unsupported']).toContain(outcome);
      }),
      { numRuns: 1000 },
    );
  });

  it('has these bytes', () => {
    expect(encodeManifestRoot(empty).toString('hex')).toBe(
      ['44544d46', '01', '8b52', `${HASH}01e807`, `${HASH}0208`, '08', '00', '00', '00', '00'].join(''),
    );
  });

  it('says that another version is not supported, whatever follows', () => {
    const bytes = Buffer.concat([Buffer.from('DTMF\x02', 'latin1'), Buffer.from('anything')]);
    expect(kindOf(() => decodeManifestRoot(bytes))).toBe('unsupported');
  });

  const full = rootOf(100, 10, 500);
  it.each<[string, Partial<PlacelessRoot>]>([
    ['segments that end before the content', { contentOffset: full.contentOffset + 1 }],
    ['segments that end after the content', { contentOffset: full.contentOffset - 1 }],
    ['content that begins behind the pack', { pack: { ...full.pack, size: full.contentOffset - 1 } }],
    ['content that compression made longer', { contentBytes: 499 }],
    ['another number of entries', { entries: 99 }],
    ['times for another number of entries', { timeSegments: [] }],
    [
      'a segment of more entries than there may be',
      { entrySegments: full.entrySegments.map((ref, at) => (at === 0 ? { ...ref, entries: 65 } : ref)) },
    ],
    [
      'a segment that compression made longer',
      { entrySegments: full.entrySegments.map((ref) => ({ ...ref, packedLength: 99 })) },
    ],
  ])('refuses %s', (_what, change) => {
    expect(kindOf(() => decodeManifestRoot(encodeManifestRoot(full)))).toBe('nothing thrown');
    expect(kindOf(() => decodeManifestRoot(encodeManifestRoot({ ...full, ...change })))).toBe('corrupt');
  });

  it('refuses a short time segment before the last', () => {
    const long = rootOf(8192, 64, 0);
    const timeSegments = long.timeSegments.map((ref, at) => ({ ...ref, entries: at === 0 ? 4095 : 4097 }));
    const short = long.timeSegments.map((ref, at) => ({ ...ref, entries: at === 0 ? 4095 : 4096 }));
    expect(kindOf(() => decodeManifestRoot(encodeManifestRoot({ ...long, timeSegments })))).toBe('corrupt');
    expect(kindOf(() => decodeManifestRoot(encodeManifestRoot({ ...long, timeSegments: short })))).toBe(
      'corrupt',
    );
  });

  it('refuses bytes that follow', () => {
    expect(kindOf(() => decodeManifestRoot(Buffer.concat([encodeManifestRoot(full), Buffer.of(0)])))).toBe(
      'corrupt',
    );
  });
});

describe('chunkPlaces', () => {
  const layers = fc.array(manifestEntries, { maxLength: 20 });

  function rootFor(entries: readonly ManifestEntry[]): ManifestRoot {
    const unique = new Map(entries.flatMap(({ chunks }) => chunks.map((chunk) => [chunk.digest, chunk])));
    const packed = [...unique.values()].reduce((sum, chunk) => sum + chunk.packedLength, 0);
    const contentBytes = entries.reduce((sum, { size }) => sum + size, 0);
    return {
      ...empty,
      contentOffset: 100,
      pack: { ...empty.pack, size: 100 + packed },
      entries: entries.length,
      contentBytes,
      entrySegments: [],
      timeSegments: [],
    };
  }

  it('lays each chunk once, in the order of first use, without gaps', () => {
    fc.assert(
      fc.property(layers, (entries) => {
        const twice = [...entries, ...entries];
        const places = chunkPlaces(rootFor(twice), twice);
        expect([...places.keys()]).toEqual([
          ...new Set(twice.flatMap(({ chunks }) => chunks.map(({ digest }) => digest))),
        ]);
        let end = 100;
        for (const { offset, packedLength } of places.values()) {
          expect(offset).toBe(end);
          end += packedLength;
        }
      }),
    );
  });

  it('refuses entries of another layer', () => {
    fc.assert(
      fc.property(layers, chunkRefs, (entries, chunk) => {
        const root = rootFor(entries);
        const more: ManifestEntry = {
          type: 'file',
          path: 'more',
          mode: 0,
          uid: 0,
          gid: 0,
          size: chunk.length,
          chunks: [chunk],
          target: '',
          deviceMajor: 0,
          deviceMinor: 0,
        };
        expect(kindOf(() => chunkPlaces(root, [...entries, more]))).toBe('corrupt');
        expect(kindOf(() => chunkPlaces({ ...root, contentBytes: root.contentBytes + 1 }, entries))).toBe(
          'corrupt',
        );
        const other = { ...more, chunks: [{ ...chunk, length: chunk.length + 1 }], size: chunk.length + 1 };
        expect(kindOf(() => chunkPlaces(rootFor([more, other]), [more, other]))).toBe('corrupt');
      }),
    );
  });
});
