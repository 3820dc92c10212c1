import type { CheckAnswer } from './health-check.js';

/** What one check found in the course of a proof. */
export class CheckHistory {
  readonly #intervalMs: number;
  #status: CheckAnswer['status'] | undefined;
  #failures = 0;
  #counted: number;

  /** @param began when the proof did. @param intervalMs that lies between two failures that count. */
  constructor(began: number, intervalMs: number) {
    this.#counted = began;
    this.#intervalMs = intervalMs;
  }

  /**
   * How often it has failed in a row. A failure less than an interval after the beginning does not count: what has just been
   * started is given that time at least.
   */
  get failures(): number {
    return this.#failures;
  }

  /** @returns whether the status is another than that of the answer before. */
  take({ status }: CheckAnswer, now: number): boolean {
    const changed = this.#status !== status;
    this.#status = status;
    if (status !== 'critical') this.#failures = 0;
    else if (Math.ceil(now - this.#counted) >= this.#intervalMs) {
      this.#failures += 1; // timers may be early by less than a millisecond
      this.#counted = now;
    }
    return changed;
  }
}
