import { WrittenRanges } from '@deploy-tools/registry/core/written-ranges.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

test('any pieces are reported as they lie', () => {
  const piece = fc.record({ start: fc.nat(60), length: fc.nat(12) });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const ranges = new WrittenRanges();
      const written = new Set<number>();
      for (const { start, length } of pieces) {
        ranges.add(start, start + length);
        for (let at = start; at < start + length; at += 1) written.add(at);
        const end = Math.max(0, ...[...written].map((at) => at + 1));
        expect([ranges.bytes, ranges.end]).toEqual([written.size, end]);
        expect(ranges.firstHole).toEqual(firstHole(written, end));
        expect(ranges.count).toBe([...written].filter((at) => !written.has(at + 1)).length);
      }
    }),
    { numRuns: 1000 },
  );
});

test('a file in packets of the worst order takes milliseconds for each gigabyte', () => {
  const ranges = new WrittenRanges();
  const packet = 32 * 1024;
  for (const odd of [1, 0]) {
    for (let at = odd; at < 32_768; at += 2) ranges.add(at * packet, (at + 1) * packet);
  }
  expect([ranges.count, ranges.bytes, ranges.firstHole]).toEqual([1, 1024 ** 3, undefined]);
});

function firstHole(written: ReadonlySet<number>, end: number): { start: number; end: number } | undefined {
  let start = 0;
  while (written.has(start)) start += 1;
  if (start >= end) return undefined;
  let stop = start;
  while (!written.has(stop)) stop += 1;
  return { start, end: stop };
}
