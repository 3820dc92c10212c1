/** What strangers' greetings and key exchanges may take before everybody else has a turn. */
const SLICE_MS = 5;

interface Turn {
  readonly work: () => void;
}

/**
 * What costs the registry time for somebody who has not authenticated: taking up a connection, and computing an exchange of keys.
 * Networks take turns, so that one that knocks without end delays nobody else. Within one the newest is first: when more come than
 * can be served, those who have waited longest have given up first.
 */
export class ExchangeTurns {
  /** By network, the one whose turn is next first; in each the newest last. */
  readonly #waiting = new Map<string, Set<Turn>>();
  #next: NodeJS.Immediate | undefined;
  /** Somebody came since it was last looked. */
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
   * Node.js accepts one connection in each turn of the event loop. So while more come they are let in first: whose turn it is can
   * only be told when all are here, and the system's queue of connections stays short.
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
