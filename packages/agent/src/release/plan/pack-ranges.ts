import type { FetchPlan } from './content-plan.js';

/** Bytes between two chunks that are fetched and thrown away rather than asked around: about what a request costs. */
const MAX_GAP = 4096;

/** A stretch of a pack, read at once. */
export interface FetchRange {
  readonly layer: number;
  /** In the pack. */
  readonly offset: number;
  readonly length: number;
  /** Where in the batch's buffer it goes. */
  readonly at: number;
}

/** What travels together: from the registry into one buffer, and with it to the thread that writes it. */
export interface FetchBatch {
  /** Of the buffer that is filled. */
  readonly bytes: number;
  readonly ranges: readonly FetchRange[];
  /** In the order of the packs. `at` is where the frame begins in the buffer. */
  readonly chunks: readonly { readonly plan: FetchPlan; readonly at: number }[];
}

/**
 * Puts chunks in the order of their packs, joins neighbours into ranges and ranges into batches. Pure.
 * @param maxBytes of a batch; at least the longest frame.
 */
export function fetchBatches(fetch: readonly FetchPlan[], maxBytes: number): FetchBatch[] {
  const batches: FetchBatch[] = [];
  let batch = new OpenBatch();
  const ordered = [...fetch].sort((a, b) => a.layer - b.layer || a.place.offset - b.place.offset);
  for (const plan of ordered) {
    if (batch.bytes > 0 && batch.bytesWith(plan) > maxBytes) {
      batches.push(batch.close());
      batch = new OpenBatch();
    }
    batch.add(plan);
  }
  if (batch.bytes > 0) batches.push(batch.close());
  return batches;
}

class OpenBatch {
  bytes = 0;
  readonly #ranges: { layer: number; offset: number; length: number; at: number }[] = [];
  readonly #chunks: { plan: FetchPlan; at: number }[] = [];

  bytesWith(plan: FetchPlan): number {
    return this.bytes + (this.#gapBefore(plan) ?? 0) + plan.place.packedLength;
  }

  add(plan: FetchPlan): void {
    const { offset, packedLength: length } = plan.place;
    const gap = this.#gapBefore(plan);
    const last = this.#ranges.at(-1);
    if (gap === undefined || last === undefined) {
      this.#ranges.push({ layer: plan.layer, offset, length, at: this.bytes });
    } else {
      last.length += gap + length;
      this.bytes += gap;
    }
    this.#chunks.push({ plan, at: this.bytes });
    this.bytes += length;
  }

  close(): FetchBatch {
    return { bytes: this.bytes, ranges: this.#ranges, chunks: this.#chunks };
  }

  /** @returns undefined when it begins a new range. */
  #gapBefore({ layer, place }: FetchPlan): number | undefined {
    const last = this.#ranges.at(-1);
    if (last?.layer !== layer) return undefined;
    const gap = place.offset - last.offset - last.length;
    return gap >= 0 && gap <= MAX_GAP ? gap : undefined;
  }
}
