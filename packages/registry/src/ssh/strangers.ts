interface Stranger {
  readonly network: string;
  readonly drop: () => void;
}

/**
 * Connections that have not authenticated yet, in a bounded number. When it is reached, the network with the most of them loses
 * its oldest, so that a flood shuts out its own network alone.
 */
export class Strangers {
  readonly #max: number;
  /** By network; in each the oldest first. */
  readonly #byNetwork = new Map<string, Set<Stranger>>();
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Takes one in, and drops another when there is no room.
   * @param drop ends its connection; called at most once, and not after it has left.
   * @returns to be called when the connection has authenticated, or is gone.
   */
  enter(network: string, drop: () => void): () => void {
    if (this.#count >= this.#max) this.dropOne();
    const stranger: Stranger = { network, drop };
    const same = this.#byNetwork.get(network) ?? new Set();
    this.#byNetwork.set(network, same.add(stranger));
    this.#count += 1;
    return () => this.#leave(stranger);
  }

  /** Drops the oldest of the network that has the most. @returns whether there was one. */
  dropOne(): boolean {
    let most: Set<Stranger> | undefined;
    for (const strangers of this.#byNetwork.values()) {
      if (strangers.size > (most?.size ?? 0)) most = strangers;
    }
    const [oldest] = most ?? [];
    if (oldest === undefined) return false;
    this.#leave(oldest);
    oldest.drop();
    return true;
  }

  get count(): number {
    return this.#count;
  }

  #leave(stranger: Stranger): void {
    const same = this.#byNetwork.get(stranger.network);
    if (same?.delete(stranger) !== true) return;
    this.#count -= 1;
    if (same.size === 0) this.#byNetwork.delete(stranger.network);
  }
}
