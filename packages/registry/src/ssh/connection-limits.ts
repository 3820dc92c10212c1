/** Counts accepted connections, in total and by network: an IPv4 address, or an IPv6 /64. */
export class ConnectionLimits {
  readonly #maxTotal: number;
  readonly #maxPerAddress: number;
  readonly #byNetwork = new Map<string, number>();
  #total = 0;

  constructor(maxTotal: number, maxPerAddress: number) {
    this.#maxTotal = maxTotal;
    this.#maxPerAddress = maxPerAddress;
  }

  /** @returns undefined when the place is taken; otherwise the limit that is reached. */
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

  /** Whether all places are taken. */
  get isFull(): boolean {
    return this.#total >= this.#maxTotal;
  }

  get total(): number {
    return this.#total;
  }
}
