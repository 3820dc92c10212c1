/**
 * Bounds the bytes of unconfirmed writes and rethrows the first failure. When the signal is aborted, every wait here rejects with
 * its reason at once, even while the peer is silent.
 */
export class Flight {
  readonly #window: number;
  readonly #signal: AbortSignal | undefined;
  readonly #queue: { readonly bytes: number; readonly done: Promise<void> }[] = [];
  #bytes = 0;

  constructor(window: number, signal: AbortSignal | undefined) {
    this.#window = window;
    this.#signal = signal;
  }

  add(bytes: number, done: Promise<void>): void {
    done.catch(() => undefined); // reported when its turn comes
    this.#queue.push({ bytes, done });
    this.#bytes += bytes;
  }

  async room(bytes: number): Promise<void> {
    this.#signal?.throwIfAborted();
    while (this.#queue.length > 0 && this.#bytes + bytes > this.#window) await this.#settle();
  }

  async done(): Promise<void> {
    while (this.#queue.length > 0) await this.#settle();
  }

  async wait(work: Promise<void>): Promise<void> {
    const signal = this.#signal;
    if (signal === undefined) return work;
    signal.throwIfAborted();
    let onAbort = () => {};
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort);
    });
    try {
      await Promise.race([work, aborted]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #settle(): Promise<void> {
    const oldest = this.#queue.shift();
    if (oldest === undefined) return;
    this.#bytes -= oldest.bytes;
    await this.wait(oldest.done);
  }
}
