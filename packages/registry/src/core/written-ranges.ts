/** Bytes from `start` to `end`, which is excluded. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The written bytes of a file, in any order of writes. Memory and the time of `add` grow with the number of ranges, which the
 * caller bounds by `count`; a file that is written in order has one range.
 */
export class WrittenRanges {
  /** Sorted; neither overlap nor touch. */
  readonly #ranges: ByteRange[] = [];
  #bytes = 0;

  /** Bytes that were written, each counted once. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The end of the last range. */
  get end(): number {
    return this.#ranges.at(-1)?.end ?? 0;
  }

  get count(): number {
    return this.#ranges.length;
  }

  /** The first bytes below `end` that were never written; undefined when there are none. */
  get firstHole(): ByteRange | undefined {
    const [first, second] = this.#ranges;
    if (first === undefined) return undefined;
    if (first.start > 0) return { start: 0, end: first.start };
    return second === undefined ? undefined : { start: first.end, end: second.start };
  }

  /** Adds a range; an empty one changes nothing. */
  add(start: number, end: number): void {
    if (end <= start) return;
    const from = this.#firstEndingAt(start);
    let to = from;
    let merged: ByteRange = { start, end };
    for (let range = this.#ranges[to]; range !== undefined && range.start <= end; range = this.#ranges[to]) {
      merged = { start: Math.min(merged.start, range.start), end: Math.max(merged.end, range.end) };
      this.#bytes -= range.end - range.start;
      to += 1;
    }
    this.#bytes += merged.end - merged.start;
    this.#ranges.splice(from, to - from, merged);
  }

  /** The index of the first range that ends at or behind a place. */
  #firstEndingAt(place: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.end ?? 0) < place) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
