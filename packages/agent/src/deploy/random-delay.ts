import { isSameRevision, type RevisionId } from './hold.js';

/** Delays each deployment by a random time, so that the hosts of a fleet do not all begin at once. */
export class RandomDelay {
  readonly #longestMs: number;
  readonly #random: () => number;
  readonly #now: () => number;
  #drawn: { readonly id: RevisionId; readonly at: number } | undefined;

  /** @param random from 0 to 1. @param now milliseconds of a clock that only advances. */
  constructor(longestMs: number, random: () => number, now: () => number) {
    this.#longestMs = longestMs;
    this.#random = random;
    this.#now = now;
  }

  /**
   * The rest of a revision's delay. The first call for a revision draws its time.
   * @returns milliseconds, and whether this call drew the time.
   */
  left(id: RevisionId): { readonly ms: number; readonly isDrawn: boolean } {
    if (this.#longestMs === 0) return { ms: 0, isDrawn: false };
    const isDrawn = this.#drawn === undefined || !isSameRevision(this.#drawn.id, id);
    const at =
      this.#drawn === undefined || isDrawn ? this.#now() + this.#random() * this.#longestMs : this.#drawn.at;
    this.#drawn = { id, at };
    return { ms: Math.max(0, at - this.#now()), isDrawn };
  }
}
