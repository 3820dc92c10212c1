import type { FetchPlan } from '@deploy-tools/agent/release/plan/content-plan.js';
import { fetchBatches } from '@deploy-tools/agent/release/plan/pack-ranges.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const MAX_BYTES = 10_000;

/** Chunks of some packs, none over another, in any order. */
const chunks: fc.Arbitrary<FetchPlan[]> = fc
  .array(fc.record({ layer: fc.nat(2), gap: fc.nat(9000), length: fc.integer({ min: 1, max: 5000 }) }))
  .map((pieces) => {
    const ends = new Map<number, number>();
    return pieces.map(({ layer, gap, length }, number) => {
      const offset = (ends.get(layer) ?? 8) + gap;
      ends.set(layer, offset + length);
      const place = { offset, length, packedLength: length };
      return { digest: String(number), layer, place, targets: [] };
    });
  })
  .chain((plans) => fc.shuffledSubarray(plans, { minLength: plans.length }));

describe('batches', () => {
  it('hold every chunk once, where it lies in its pack, and are within their bounds', () => {
    fc.assert(
      fc.property(chunks, (plans) => {
        const batches = fetchBatches(plans, MAX_BYTES);
        const seen = batches.flatMap((batch) => batch.chunks.map(({ plan }) => plan.digest));
        expect(seen.toSorted()).toEqual(plans.map(({ digest }) => digest).toSorted());
        for (const { bytes, ranges, chunks: held } of batches) {
          expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
          expect(ranges.reduce((sum, range) => sum + range.length, 0)).toBe(bytes);
          for (const { plan, at } of held) {
            const { offset, packedLength } = plan.place;
            const range = ranges.find(
              (one) =>
                one.layer === plan.layer &&
                one.offset <= offset &&
                offset + packedLength <= one.offset + one.length,
            );
            expect(range && range.at + offset - range.offset).toBe(at);
          }
        }
      }),
    );
  });

  it('read neighbours together, and nothing far apart', () => {
    const plan = (offset: number): FetchPlan => {
      const place = { offset, length: 100, packedLength: 100 };
      return { digest: `${offset}`, layer: 0, place, targets: [] };
    };
    const [batch] = fetchBatches([plan(8), plan(108), plan(1000), plan(9000)], MAX_BYTES);
    expect(batch?.ranges).toEqual([
      { layer: 0, offset: 8, length: 1092, at: 0 },
      { layer: 0, offset: 9000, length: 100, at: 1092 },
    ]);
  });
});
