import { setTimeout as delay } from 'node:timers/promises';

export interface RateLimitOptions {
  readonly perSecond: number;
  /** What may be spent at once after a pause; 0 saves nothing up. */
  readonly burst?: number;
  /** Milliseconds that only grow. */
  readonly now?: () => number;
}

/** Keeps a flow below a rate (a token bucket): a caller that spends more waits until the debt is repaid, and no other does. */
export class RateLimit {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #now: () => number;
  /** What may be spent; a debt is negative. */
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

  /** @returns milliseconds to wait until it is repaid; a later caller waits longer. */
  spend(amount: number): number {
    this.#fill();
    this.#balance -= amount;
    return this.debtMs();
  }

  /** Returns a part of what was spent: less was used. */
  refund(amount: number): void {
    this.#balance += amount;
  }

  /** Spends, and waits until it is repaid or the signal is aborted; the caller reads the signal. */
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
