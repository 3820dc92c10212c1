/**
 * Counts running commands and transfers of a connection, so that a shutdown lets them finish. A connection without any is idle
 * and is ended at once.
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

  /** @param listener called by `stop`. @returns removes the listener. */
  onStop(listener: () => void): () => void {
    this.#onStop.add(listener);
    return () => this.#onStop.delete(listener);
  }

  /** Ends work that would not end by itself, such as a watch. @returns whether there was any. */
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
