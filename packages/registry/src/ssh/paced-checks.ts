export interface PacedChecksOptions {
  /** Runs a check. @returns milliseconds to the next one, or Infinity for none until {@link PacedChecks.soon}. Must not reject. */
  readonly check: () => Promise<number>;
  /** Milliseconds that are between two checks at the least. */
  readonly gapMs: number;
}

/** Runs a check again and again, one at a time, and after events. Many events at once cost one check. */
export class PacedChecks {
  readonly #options: PacedChecksOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isWanted = false;
  #isClosed = false;
  #endedAt = Number.NEGATIVE_INFINITY;

  constructor(options: PacedChecksOptions) {
    this.#options = options;
    this.soon();
  }

  /** An event: a check begins at once, or {@link PacedChecksOptions.gapMs} after the last one or the one that runs. */
  soon(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    const gap = this.#endedAt + this.#options.gapMs - performance.now();
    if (this.#running === undefined) this.#schedule(Math.max(0, Math.ceil(gap)));
  }

  /** Ends when the check that runs has ended; none begins after it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed || delayMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#run();
    }, delayMs);
  }

  async #run(): Promise<void> {
    this.#isWanted = false;
    const delayMs = await this.#options.check();
    this.#endedAt = performance.now();
    this.#running = undefined;
    this.#schedule(this.#isWanted ? this.#options.gapMs : delayMs);
  }
}
