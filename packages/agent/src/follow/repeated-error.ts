/** Counts how often in a row the same error occurred, so that the log repeats it, but ever less often. */
export class RepeatedError {
  #message: string | undefined;
  #count = 0;

  /** @returns whether to log it: the first time, then after 2, 4, 8, … in a row. */
  isDue(message: string): boolean {
    this.#count = message === this.#message ? this.#count + 1 : 1;
    this.#message = message;
    return Number.isInteger(Math.log2(this.#count));
  }

  /** Occurrences in a row, the last one included. */
  get count(): number {
    return this.#count;
  }

  /** Something succeeded: the count begins anew. */
  clear(): void {
    this.#message = undefined;
    this.#count = 0;
  }
}
