import { fetchAll } from '@deploy-tools/agent/release/fetch/fetch-batches.js';
import type { FetchBatch } from '@deploy-tools/agent/release/plan/pack-ranges.js';
import { describe, expect, it } from 'vitest';

const batch = (offset: number): FetchBatch => ({
  bytes: 4,
  ranges: [{ layer: 0, offset, length: 4, at: 0 }],
  chunks: [],
});

const source = {
  readInto: async (_layer: number, target: Uint8Array, offset: number) => {
    await Promise.resolve();
    target.fill(offset);
  },
};

describe('fetching batches', () => {
  it('delivers each once with its bytes, and no more at once than there are buffers', async () => {
    const seen: number[] = [];
    const buffers = new Set<ArrayBuffer>();
    const batches = Array.from({ length: 100 }, (_, number) => batch(number));
    await fetchAll(batches, source, async (one, buffer) => {
      buffers.add(buffer);
      await Promise.resolve();
      expect(new Uint8Array(buffer)[0]).toBe(one.ranges[0]?.offset);
      seen.push(one.ranges[0]?.offset ?? -1);
      return buffer;
    });
    expect(seen.toSorted((a, b) => a - b)).toEqual(batches.map((_, number) => number));
    expect(buffers.size).toBeLessThanOrEqual(8);
  });

  it('ends with the first failure, when nothing is under way any more', async () => {
    let underWay = 0;
    const batches = Array.from({ length: 100 }, (_, number) => batch(number));
    const work = fetchAll(batches, source, async (one, buffer) => {
      underWay += 1;
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      underWay -= 1;
      if (one.ranges[0]?.offset === 20) throw new Error('no');
      return buffer;
    });
    await expect(work).rejects.toThrow('no');
    expect(underWay).toBe(0);
  });
});
