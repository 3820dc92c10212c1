/**
 * A session's place among those of its connection: taken until the client has closed it and what it ran is over, so that closing
 * a session at once makes no room for more work. One that runs nothing is noticed.
 */
export class SessionPlace {
  readonly #onFree: () => void;
  readonly #timer: NodeJS.Timeout;
  #running = 0;
  #isClosed = false;
  #isFree = false;

  /** @param onUnused called when nothing was begun in so many milliseconds. */
  constructor(options: {
    readonly unusedMs: number;
    readonly onUnused: () => void;
    readonly onFree: () => void;
  }) {
    this.#onFree = options.onFree;
    this.#timer = setTimeout(options.onUnused, options.unusedMs);
  }

  /** @returns to be called when it is over. */
  begin(): () => void {
    clearTimeout(this.#timer);
    this.#running += 1;
    return () => {
      this.#running -= 1;
      this.#freeWhenDone();
    };
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#isClosed = true;
    this.#freeWhenDone();
  }

  #freeWhenDone(): void {
    if (this.#isFree || !this.#isClosed || this.#running > 0) return;
    this.#isFree = true;
    this.#onFree();
  }
}
