import { eitherSignal } from '../../host/either-signal.js';

/** Switches and restarts of one program, one after the other. A switch interrupts a restart. */
export class SwitchQueue {
  #last: Promise<unknown> = Promise.resolve();
  /** Aborted by the next switch. */
  #interruption = new AbortController();

  /** Resolves when everything that was asked for so far is over. Never rejects. */
  get settled(): Promise<unknown> {
    return this.#last;
  }

  /** Restarts that are not over yet are called off, and have their turn again after this. */
  switch<T>(act: () => Promise<T>): Promise<T> {
    this.#interruption.abort();
    this.#interruption = new AbortController();
    return this.#inTurn(act);
  }

  /**
   * @param act called when its turn has come, and again after each switch that interrupted it. Its signal is aborted when
   * it has to, also before it is called, and then it has to reject soon.
   * @param signal calls it off for good.
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
