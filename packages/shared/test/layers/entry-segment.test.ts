import { decodeEntrySegment, encodeEntrySegment } from '@deploy-tools/shared/layers/entry-segment.js';
import { MAX_NAME, type ManifestEntry } from '@deploy-tools/shared/layers/manifest.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../support/kind-of.js';
import { damaged, manifestEntries } from './manifest-values.js';

const segments = fc.array(manifestEntries, { minLength: 1, maxLength: 64 });
const file: ManifestEntry = {
  type: 'file',
  path: 'bin/run',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 3,
  chunks: [{ digest: 'ab'.repeat(32), length: 3, packedLength: 3 }],
  target: '',
  deviceMajor: 0,
  deviceMinor: 0,
};

describe('entry segment', () => {
  it('any entries survive', () => {
    fc.assert(
      fc.property(segments, (entries) => {
        expect(decodeEntrySegment(encodeEntrySegment(entries))).toEqual(entries);
      }),
    );
  });

  it('whatever can be read is written again as it was', () => {
    const bytes = fc.oneof(damaged(segments.map(encodeEntrySegment)), fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(bytes, (given) => {
        const outcome = kindOf(() => {
          const entries = decodeEntrySegment(given);
          expect(encodeEntrySegment(entries).equals(given)).toBe(true);
        });
        expect(['nothing thrown', 'corrupt']).toContain(outcome);
      }),
      { numRuns: 1000 },
    );
  });

  it('has these bytes', () => {
    const entries: ManifestEntry[] = [
      { ...file, type: 'directory', path: 'bin', size: 0, chunks: [] },
      file,
      { ...file, type: 'symlink', path: 'bin/start', mode: 0o777, size: 0, chunks: [], target: 'run' },
    ];
    expect(encodeEntrySegment(entries).toString('hex')).toBe(
      [
        '00 0362696e 01 ed03 00 00',
        `03 042f72756e 00 ed03 00 00 03 01 ${'ab'.repeat(32)} 03 03`,
        '04 057374617274 02 ff03 00 00 0372756e',
      ]
        .join('')
        .replaceAll(' ', ''),
    );
  });

  it.each<[string, Partial<ManifestEntry>]>([
    ['a path that leaves', { path: '../x' }],
    ['an absolute path', { path: '/x' }],
    ['a path with a slash too many', { path: 'a//b' }],
    ['a path with NUL', { path: 'a\0b' }],
    ['a root that is a file', { path: '' }],
    ['a mode beyond its bits', { mode: 0o10000 }],
    ['chunks that do not add up', { size: 4 }],
    ['an empty chunk', { size: 0, chunks: [{ digest: 'ab'.repeat(32), length: 0, packedLength: 0 }] }],
    [
      'a chunk that compression made longer',
      { chunks: [{ digest: 'ab'.repeat(32), length: 3, packedLength: 4 }] },
    ],
    ['a symlink to nothing', { type: 'symlink', size: 0, chunks: [] }],
    ['a hard link that leaves', { type: 'hardlink', target: '../x', size: 0, chunks: [] }],
  ])('refuses %s', (_what, change) => {
    const bytes = encodeEntrySegment([{ ...file, ...change }]);
    expect(kindOf(() => decodeEntrySegment(bytes))).toBe('corrupt');
  });

  it('refuses an empty segment, and one of too many entries', () => {
    expect(kindOf(() => decodeEntrySegment(Buffer.alloc(0)))).toBe('corrupt');
    const many = Array.from({ length: 65 }, () => file);
    expect(kindOf(() => decodeEntrySegment(encodeEntrySegment(many)))).toBe('corrupt');
  });

  it.each<[string, Partial<ManifestEntry>]>([
    ['a name too long', { path: 'x'.repeat(MAX_NAME + 1) }],
    ['a negative owner', { uid: -1 }],
    ['a negative device', { type: 'block-device', size: 0, chunks: [], deviceMinor: -1 }],
  ])('says that it cannot hold %s', (_what, change) => {
    expect(kindOf(() => encodeEntrySegment([{ ...file, ...change }]))).toBe('unsupported');
  });
});
