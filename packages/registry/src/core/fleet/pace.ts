import { setTimeout as delay } from 'node:timers/promises';

/**
 * Slows one side down to a rate that it may keep up for ever, after a burst: who says more is listened to later,
 * and nobody else waits for it (a token bucket).
 */
export class Pace {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #steady: () => number;
  #left: number;
  #filledAt: number;

  /** @param steady milliseconds that only grow. */
  constructor(perSecond: number, burst: number, steady: () => number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#steady = steady;
    this.#left = burst;
    this.#filledAt = steady();
  }

  /** How long to wait until this much more may be said, in milliseconds; who asks later waits longer. */
  owe(amount: number): number {
    const now = this.#steady();
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#filledAt) / 1000) * this.#perSecond);
    this.#filledAt = now;
    this.#left -= amount;
    return Math.max(0, (-this.#left / this.#perSecond) * 1000);
  }

  /** Waits that long, or until the signal is aborted. */
  async spend(amount: number, signal: AbortSignal): Promise<void> {
    const ms = this.owe(amount);
    if (ms > 0) await delay(ms, undefined, { signal }).catch(() => {}); // aborted: who asked looks at the signal
  }
}
