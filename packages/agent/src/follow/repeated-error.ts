/** Counts how often in a row the same went wrong, so that a log tells it again, but ever less often. */
export class RepeatedError {
  #message: string | undefined;
  #count = 0;

  /** @returns whether it is to be told: the first time, then after 2, 4, 8, … in a row. */
  isDue(message: string): boolean {
    this.#count = message === this.#message ? this.#count + 1 : 1;
    this.#message = message;
    return Number.isInteger(Math.log2(this.#count));
  }

  /** How often in a row, the last time included. */
  get count(): number {
    return this.#count;
  }

  /** It went well. */
  clear(): void {
    this.#message = undefined;
    this.#count = 0;
  }
}
