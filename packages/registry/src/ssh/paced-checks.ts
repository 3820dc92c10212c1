export interface PacedChecksOptions {
  /** Runs a check. @returns milliseconds to the next one, or Infinity for none until {@link PacedChecks.soon}. Must not reject. */
  readonly check: () => Promise<number>;
  /** The least milliseconds between two checks. */
  readonly gapMs: number;
}

/** Runs checks after events and at intervals, one at a time. Many events at once cause one check. */
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

  /** Runs a check because of an event: at once, or {@link PacedChecksOptions.gapMs} after the last or running one. */
  soon(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    const gap = this.#endedAt + this.#options.gapMs - performance.now();
    if (this.#running === undefined) this.#schedule(Math.max(0, Math.ceil(gap)));
  }

  /** Resolves when the running check has ended; no other begins. */
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
