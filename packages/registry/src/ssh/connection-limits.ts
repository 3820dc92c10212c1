/** Counts connections, in total and by network (an address, of IPv6 a /64); a place is taken when a connection is accepted. */
export class ConnectionLimits {
  readonly #maxTotal: number;
  readonly #maxPerAddress: number;
  readonly #byNetwork = new Map<string, number>();
  #total = 0;

  constructor(maxTotal: number, maxPerAddress: number) {
    this.#maxTotal = maxTotal;
    this.#maxPerAddress = maxPerAddress;
  }

  /** @returns undefined when the place was taken, otherwise which limit is reached. */
  take(network: string): string | undefined {
    const same = this.#byNetwork.get(network) ?? 0;
    if (this.#total >= this.#maxTotal) return `${this.#maxTotal} connections in total (-max-conns)`;
    if (same >= this.#maxPerAddress)
      return `${this.#maxPerAddress} connections from one address (-max-conns-per-addr)`;
    this.#total += 1;
    this.#byNetwork.set(network, same + 1);
    return undefined;
  }

  give(network: string): void {
    const left = (this.#byNetwork.get(network) ?? 1) - 1;
    this.#total -= 1;
    if (left === 0) this.#byNetwork.delete(network);
    else this.#byNetwork.set(network, left);
  }

  /** Nobody is let in any more, wherever from. */
  get isFull(): boolean {
    return this.#total >= this.#maxTotal;
  }

  get total(): number {
    return this.#total;
  }
}
