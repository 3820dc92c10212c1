interface Stranger {
  readonly network: string;
  readonly drop: () => void;
}

/**
 * A bounded number of connections that have not authenticated. At the bound, the network with the most of them loses its oldest, so
 * that a flood shuts out its own network only.
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
   * Adds a connection, and drops another one when there is no room.
   * @param drop ends the connection; called at most once, and not after it has left.
   * @returns removes the connection, when it has authenticated or is closed.
   */
  enter(network: string, drop: () => void): () => void {
    if (this.#count >= this.#max) this.dropOne();
    const stranger: Stranger = { network, drop };
    const same = this.#byNetwork.get(network) ?? new Set();
    this.#byNetwork.set(network, same.add(stranger));
    this.#count += 1;
    return () => this.#leave(stranger);
  }

  /** Drops the oldest connection of the network that has the most. @returns whether there was one. */
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
