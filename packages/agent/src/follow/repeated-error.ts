/** Counts repetitions of an error, for a log that repeats it ever less often. */
export class RepeatedError {
  #message: string | undefined;
  #count = 0;

  /** @returns whether to log the error: for the occurrences 1, 2, 4, 8, … in a row. */
  isDue(message: string): boolean {
    this.#count = message === this.#message ? this.#count + 1 : 1;
    this.#message = message;
    return Number.isInteger(Math.log2(this.#count));
  }

  /** Occurrences in a row, the last one included. */
  get count(): number {
    return this.#count;
  }

  /** Begins the count anew, after a success. */
  clear(): void {
    this.#message = undefined;
    this.#count = 0;
  }
}
