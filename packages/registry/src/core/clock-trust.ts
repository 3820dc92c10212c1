import type { Logger } from '@deploy-tools/shared/log.js';
import type { MetaStore } from '../meta/meta-store.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A clock that advanced by so much more than the steady one was set. */
const JUMP_MS = HOUR_MS;
/** A registry in use stores records more often than this; after a longer pause nothing is deleted for a day. */
const IDLE_MS = 7 * DAY_MS;
/** Time that a clock has to advance steadily before records are deleted by it. */
const DISTRUST_MS = DAY_MS;

export interface ClockTrustOptions {
  readonly meta: MetaStore;
  readonly clock: () => Date;
  /** Milliseconds that only grow, whatever becomes of the clock. */
  readonly steady: () => number;
  readonly log: Logger;
}

/**
 * Whether the clock may decide what is too old to be kept. A clock that is years ahead for an hour must not empty the audit
 * log: when it jumps ahead, or is far ahead of the last record when the registry starts, nothing is deleted by age for a day.
 */
export class ClockTrust {
  readonly #options: ClockTrustOptions;
  #seen: { readonly clock: number; readonly steady: number };
  #distrustedSince: number | undefined;

  private constructor(options: ClockTrustOptions, newest: number | undefined) {
    this.#options = options;
    this.#seen = this.#now();
    if (newest !== undefined && this.#seen.clock - newest > IDLE_MS) {
      this.#distrust('the last record is more than a week older than the clock says');
    }
  }

  /** Before anything is recorded. */
  static async open(options: ClockTrustOptions): Promise<ClockTrust> {
    const newest = await options.meta.read(async (tx) => [
      ...(await tx.audit({ limit: 1 })),
      ...(await tx.fleet.deploys({ limit: 1 })),
    ]);
    const times = newest.map(({ time }) => Date.parse(time));
    return new ClockTrust(options, times.length === 0 ? undefined : Math.max(...times));
  }

  /** To be called at each round of housekeeping: a jump is noticed between two calls. */
  mayDelete(): boolean {
    const now = this.#now();
    const ahead = now.clock - this.#seen.clock - (now.steady - this.#seen.steady);
    this.#seen = now;
    if (ahead > JUMP_MS) this.#distrust(`the clock jumped ahead by ${Math.round(ahead / HOUR_MS)} h`);
    if (this.#distrustedSince === undefined) return true;
    if (now.steady - this.#distrustedSince < DISTRUST_MS) return false;
    this.#distrustedSince = undefined;
    return true;
  }

  #distrust(reason: string): void {
    this.#distrustedSince = this.#seen.steady;
    this.#options.log.warn({ reason }, 'nothing is deleted by its age for a day: check the clock');
  }

  #now(): { readonly clock: number; readonly steady: number } {
    return { clock: this.#options.clock().getTime(), steady: this.#options.steady() };
  }
}
