import type { FetchPlan } from './content-plan.js';

/** The longest gap between two pieces that is fetched with them: a request of its own costs about as much. */
const MAX_GAP = 4096;

/** A chunk or segment in the pack of a layer. */
export interface PackedPiece {
  readonly layer: number;
  readonly place: { readonly offset: number; readonly packedLength: number };
}

/** A stretch of a pack that one request reads. */
export interface FetchRange {
  readonly layer: number;
  /** In the pack. */
  readonly offset: number;
  readonly length: number;
  /** In the batch's buffer. */
  readonly at: number;
}

/** Pieces that are fetched together into one buffer, which goes to the thread that writes them. */
export interface FetchBatch<Piece extends PackedPiece = FetchPlan> {
  /** Size of the buffer. */
  readonly bytes: number;
  readonly ranges: readonly FetchRange[];
  /** In the order of the packs. `at` is where the frame begins in the buffer. */
  readonly chunks: readonly { readonly plan: Piece; readonly at: number }[];
}

/**
 * Sorts pieces by pack and offset, joins neighbours into ranges and ranges into batches. Pure.
 * @param maxBytes of a batch; at least the longest frame.
 */
export function fetchBatches<Piece extends PackedPiece>(
  fetch: readonly Piece[],
  maxBytes: number,
): FetchBatch<Piece>[] {
  const batches: FetchBatch<Piece>[] = [];
  let batch = new OpenBatch<Piece>();
  const ordered = [...fetch].sort((a, b) => a.layer - b.layer || a.place.offset - b.place.offset);
  for (const plan of ordered) {
    if (batch.bytes > 0 && batch.bytesWith(plan) > maxBytes) {
      batches.push(batch.close());
      batch = new OpenBatch<Piece>();
    }
    batch.add(plan);
  }
  if (batch.bytes > 0) batches.push(batch.close());
  return batches;
}

class OpenBatch<Piece extends PackedPiece> {
  bytes = 0;
  readonly #ranges: { layer: number; offset: number; length: number; at: number }[] = [];
  readonly #chunks: { plan: Piece; at: number }[] = [];

  bytesWith(plan: Piece): number {
    return this.bytes + (this.#gapBefore(plan) ?? 0) + plan.place.packedLength;
  }

  add(plan: Piece): void {
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

  close(): FetchBatch<Piece> {
    return { bytes: this.bytes, ranges: this.#ranges, chunks: this.#chunks };
  }

  /** @returns the gap to the piece before; undefined when the piece begins a new range. */
  #gapBefore({ layer, place }: Piece): number | undefined {
    const last = this.#ranges.at(-1);
    if (last?.layer !== layer) return undefined;
    const gap = place.offset - last.offset - last.length;
    return gap >= 0 && gap <= MAX_GAP ? gap : undefined;
  }
}
