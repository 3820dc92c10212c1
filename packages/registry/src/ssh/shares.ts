import type { Principal } from '../core/principal.js';

/** The holder of a share: a key and its role. */
export type Holder = Pick<Principal, 'role' | 'fingerprint'>;

export interface ShareBounds {
  readonly total: number;
  /** All agents together; the rest of the total is kept for operators. */
  readonly agents: number;
  /** One key, of whatever role. */
  readonly perKey: number;
}

/** Counts the shares of keys in one limited resource. */
export class Shares {
  readonly #bounds: ShareBounds;
  readonly #byKey = new Map<string, number>();
  #total = 0;
  #agents = 0;

  constructor(bounds: ShareBounds) {
    this.#bounds = bounds;
  }

  /** @returns undefined when the share is taken; otherwise the reached bound, for a log. */
  take({ role, fingerprint }: Holder, amount = 1): string | undefined {
    const { total, agents, perKey } = this.#bounds;
    const held = this.#byKey.get(fingerprint) ?? 0;
    if (held + amount > perKey) return `${perKey} for one key`;
    if (role === 'agent' && this.#agents + amount > agents) return `${agents} for all agents`;
    if (this.#total + amount > total) return `${total} in total`;
    this.#byKey.set(fingerprint, held + amount);
    this.#total += amount;
    if (role === 'agent') this.#agents += amount;
    return undefined;
  }

  /** Gives a share back. */
  give({ role, fingerprint }: Holder, amount = 1): void {
    const left = (this.#byKey.get(fingerprint) ?? amount) - amount;
    this.#total -= amount;
    if (role === 'agent') this.#agents -= amount;
    if (left === 0) this.#byKey.delete(fingerprint);
    else this.#byKey.set(fingerprint, left);
  }

  get total(): number {
    return this.#total;
  }
}
