/** What strangers' greetings and key exchanges may take before everybody else has a turn. */
const SLICE_MS = 5;

interface Turn {
  readonly work: () => void;
}

/**
 * Queues the work that the registry does for clients that have not authenticated: accepting a connection, and computing a key
 * exchange. Networks take turns, so that a flood from one delays no other. Within one the newest is first: under a flood,
 * the clients that have waited longest have given up already.
 */
export class ExchangeTurns {
  /** By network, the one whose turn is next first; in each the newest last. */
  readonly #waiting = new Map<string, Set<Turn>>();
  #next: NodeJS.Immediate | undefined;
  /** Whether work was added since the last turn. */
  #hasGrown = false;
  /** When work was last done, in milliseconds of performance.now(). */
  #served = 0;

  /**
   * @param work called once, in a later turn of the event loop. It does not throw.
   * @returns to be called when it is not wanted any more.
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
   * Node.js accepts one connection in each turn of the event loop. So while more come they are accepted first: whose turn it is
   * is only known when all are here, and the system's queue of connections stays short.
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
