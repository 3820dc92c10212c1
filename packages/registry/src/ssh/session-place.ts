/**
 * A session's place in its connection. It is taken until the client has closed the session and its commands have ended, so that
 * closing a session at once makes no room for more work. A session that runs nothing is noticed.
 */
export class SessionPlace {
  readonly #onFree: () => void;
  readonly #timer: NodeJS.Timeout;
  #running = 0;
  #isClosed = false;
  #isFree = false;

  /** @param onUnused called when the session has run nothing for `unusedMs`. */
  constructor(options: {
    readonly unusedMs: number;
    readonly onUnused: () => void;
    readonly onFree: () => void;
  }) {
    this.#onFree = options.onFree;
    this.#timer = setTimeout(options.onUnused, options.unusedMs);
  }

  /** Begins a command. @returns ends it. */
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
