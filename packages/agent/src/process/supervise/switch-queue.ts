import { eitherSignal } from '../../host/either-signal.js';

/** Runs switches and restarts of one program one after the other. A switch interrupts a restart. */
export class SwitchQueue {
  #last: Promise<unknown> = Promise.resolve();
  /** Aborted by the next switch. */
  #interruption = new AbortController();

  /** Resolves when all switches and restarts so far are over. Never rejects. */
  get settled(): Promise<unknown> {
    return this.#last;
  }

  /** Runs a switch. Interrupts restarts, which run again after it. */
  switch<T>(act: () => Promise<T>): Promise<T> {
    this.#interruption.abort();
    this.#interruption = new AbortController();
    return this.#inTurn(act);
  }

  /**
   * Runs a restart, and again after each switch that interrupts it.
   * @param act its signal is aborted by a switch, even before the call; it then has to reject soon.
   * @param signal cancels the restart for good.
   */
  async restart<T>(act: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      const interruption = this.#interruption.signal;
      const stop = eitherSignal(signal, interruption);
      try {
        return await this.#inTurn(() => act(stop.signal));
      } catch (error) {
        if (!interruption.aborted || signal.aborted) throw error;
      } finally {
        stop.clear();
      }
    }
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#last.then(act);
    this.#last = result.catch(() => {}); // the caller's to handle
    return result;
  }
}
