import { segmentCuts } from '@deploy-tools/registry/ingest/segment-cuts.js';
import type { ManifestEntry } from '@deploy-tools/shared/layers/manifest.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';

const chunk = { digest: '00'.repeat(32), length: 1, packedLength: 1 };
function entry(path: string, type: ManifestEntry['type'] = 'file', chunks = 1): ManifestEntry {
  return {
    type,
    path,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: chunks,
    chunks: Array.from({ length: chunks }, () => chunk),
    target: '',
    deviceMajor: 0,
    deviceMinor: 0,
  };
}
const numbered = (count: number) => Array.from({ length: count }, (_, at) => entry(`file-${at}`));

it('the segments are the entries, 4 to 64 of them but in the last', () => {
  fc.assert(
    fc.property(fc.nat(2000), (count) => {
      const entries = numbered(count);
      const segments = [...segmentCuts(entries)];
      expect(segments.flat()).toEqual(entries);
      for (const { length } of segments.slice(0, -1)) expect(length >= 4 && length <= 64).toBe(true);
    }),
    { numRuns: 20 },
  );
  expect([...segmentCuts(numbered(10_000))].length).toBeLessThan(1000);
});

it('a new entry changes a few segments', () => {
  const entries = numbered(5000);
  const before = new Set([...segmentCuts(entries)].map((some) => some.map(({ path }) => path).join()));
  fc.assert(
    fc.property(fc.nat(5000), (at) => {
      const more = [...entries.slice(0, at), entry('new'), ...entries.slice(at)];
      const after = [...segmentCuts(more)].map((some) => some.map(({ path }) => path).join());
      expect(after.filter((segment) => !before.has(segment)).length).toBeLessThanOrEqual(3);
    }),
    { numRuns: 30 },
  );
});

it('cuts before the first hard link, and after very large files', () => {
  const links = ['x', 'y'].map((path) => entry(path, 'hardlink', 0));
  expect([...segmentCuts([entry('a'), entry('b'), ...links])].map(({ length }) => length)).toEqual([2, 2]);
  const large = entry('large', 'file', 20_000);
  expect([...segmentCuts([large, large, entry('a')])].map(({ length }) => length)).toEqual([1, 1, 1]);
  expect([...segmentCuts(links)].map(({ length }) => length)).toEqual([2]);
});
