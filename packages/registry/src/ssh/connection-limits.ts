/** Counts connections, in total and by address; a place is taken when a connection is accepted. */
export class ConnectionLimits {
  readonly #maxTotal: number;
  readonly #maxPerAddress: number;
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  constructor(maxTotal: number, maxPerAddress: number) {
    this.#maxTotal = maxTotal;
    this.#maxPerAddress = maxPerAddress;
  }

  /** @returns undefined when the place was taken, otherwise which limit is reached. */
  take(address: string): string | undefined {
    const same = this.#byAddress.get(address) ?? 0;
    if (this.#total >= this.#maxTotal) return `${this.#maxTotal} connections in total (-max-conns)`;
    if (same >= this.#maxPerAddress)
      return `${this.#maxPerAddress} connections from one address (-max-conns-per-addr)`;
    this.#total += 1;
    this.#byAddress.set(address, same + 1);
    return undefined;
  }

  give(address: string): void {
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    this.#total -= 1;
    if (left === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, left);
  }

  get total(): number {
    return this.#total;
  }
}
