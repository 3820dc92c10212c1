/**
 * Counts what is running (commands, transfers), so that shutting down can let it finish. A connection without any is
 * idle and may be ended at once.
 */
export class Activity {
  #running = 0;
  #waiters: (() => void)[] = [];
  readonly #onStop = new Set<() => void>();

  begin(): () => void {
    this.#running += 1;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#running -= 1;
      if (this.#running > 0) return;
      for (const waiter of this.#waiters.splice(0)) waiter();
    };
  }

  /** @param listener called by `stop`. @returns to be called when it is not of interest any more. */
  onStop(listener: () => void): () => void {
    this.#onStop.add(listener);
    return () => this.#onStop.delete(listener);
  }

  /** Tells what would not end by itself, such as a watch, to end. @returns whether there is any. */
  stop(): boolean {
    const listeners = [...this.#onStop];
    for (const listener of listeners) listener();
    return listeners.length > 0;
  }

  get running(): number {
    return this.#running;
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    while (this.#running > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }
}
