/** How long greetings and key exchanges of strangers may run before other work has a turn. */
const SLICE_MS = 5;

interface Turn {
  readonly work: () => void;
}

/**
 * Queues the work for clients that have not authenticated: accepting a connection, and computing a key exchange. Networks take
 * turns, so that a flood from one network delays no other. The newest client of a network is first: under a flood, the oldest ones
 * have given up already.
 */
export class ExchangeTurns {
  /** By network, the next one first; in each network the newest client last. */
  readonly #waiting = new Map<string, Set<Turn>>();
  #next: NodeJS.Immediate | undefined;
  /** Whether work was added since the last turn. */
  #hasGrown = false;
  /** The time of the last work, in milliseconds of performance.now(). */
  #served = 0;

  /**
   * @param work called once, in a later turn of the event loop. It does not throw.
   * @returns removes the work from the queue.
   */
  take(network: string, work: () => void): () => void {
    const turn: Turn = { work };
    const same = this.#waiting.get(network) ?? new Set();
    this.#waiting.set(network, same.add(turn));
    this.#hasGrown = true;
    this.#next ??= setImmediate(() => this.#serve());
    return () => {
      if (same.delete(turn) && same.size === 0) this.#waiting.delete(network);
    };
  }

  get waiting(): number {
    let count = 0;
    for (const same of this.#waiting.values()) count += same.size;
    return count;
  }

  /**
   * Serves the queue, after all waiting connections have been accepted: only then is it known whose turn is next, and the
   * system's queue stays short. Node.js accepts one connection in each turn of the event loop.
   */
  #serve(): void {
    const end = performance.now() + SLICE_MS;
    const mayServe = !this.#hasGrown || performance.now() - this.#served > SLICE_MS;
    this.#hasGrown = false;
    while (mayServe && this.#waiting.size > 0 && performance.now() < end) this.#serveOne();
    if (mayServe) this.#served = performance.now();
    this.#next = this.#waiting.size > 0 ? setImmediate(() => this.#serve()) : undefined;
  }

  #serveOne(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const [network, same] = first;
    const newest = [...same].at(-1);
    this.#waiting.delete(network);
    if (newest === undefined) return;
    same.delete(newest);
    if (same.size > 0) this.#waiting.set(network, same);
    newest.work();
  }
}
