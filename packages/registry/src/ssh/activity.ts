/**
 * Counts what is running (commands, transfers), so that shutting down can let it finish. A connection without any is
 * idle and may be ended at once.
 */
export class Activity {
  #running = 0;
  #waiters: (() => void)[] = [];

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

  get running(): number {
    return this.#running;
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    while (this.#running > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }
}
