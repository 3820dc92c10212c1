import { setTimeout as delay } from 'node:timers/promises';

export interface RateLimitOptions {
  readonly perSecond: number;
  /** The amount that may be spent at once after a pause; 0 for none. */
  readonly burst?: number;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
}

/** Keeps a flow below a rate (a token bucket): a caller that spends more has to wait until the debt is repaid. */
export class RateLimit {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #now: () => number;
  /** The amount that may be spent; negative for a debt. */
  #balance: number;
  #filledAt: number;

  constructor({ perSecond, burst = 0, now = () => performance.now() }: RateLimitOptions) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#now = now;
    this.#balance = burst;
    this.#filledAt = now();
  }

  /** Milliseconds until the debt is repaid; 0 when there is none. */
  debtMs(): number {
    this.#fill();
    return Math.max(0, -this.#balance / this.#perMs);
  }

  /** Spends an amount. @returns milliseconds to wait until it is repaid; a later caller waits longer. */
  spend(amount: number): number {
    this.#fill();
    this.#balance -= amount;
    return this.debtMs();
  }

  /** Gives back an unused part of a spent amount. */
  refund(amount: number): void {
    this.#balance += amount;
  }

  /** Spends an amount, and waits until it is repaid or the signal is aborted; the caller checks the signal. */
  async wait(amount: number, signal: AbortSignal): Promise<void> {
    const ms = this.spend(amount);
    if (ms > 0) await delay(ms, undefined, { signal }).catch(() => {});
  }

  #fill(): void {
    const now = this.#now();
    this.#balance = Math.min(this.#burst, this.#balance + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
  }
}
