import type { Logger } from '@deploy-tools/shared/log.js';
import type { MetaStore } from '../meta/meta-store.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A clock that advances by this much more than the steady clock was set. */
const JUMP_MS = HOUR_MS;
/** The longest time between two records of a registry in use; after a longer one nothing is deleted for a day. */
const IDLE_MS = 7 * DAY_MS;
/** The time for which a clock has to advance steadily before it is trusted again. */
const DISTRUST_MS = DAY_MS;

export interface ClockTrustOptions {
  readonly meta: MetaStore;
  readonly clock: () => Date;
  /** Milliseconds of a clock that nobody sets. */
  readonly steady: () => number;
  readonly log: Logger;
}

/**
 * Decides whether records may be deleted by their age. A clock that is years ahead for an hour must not empty the audit log.
 * Nothing is deleted for a day after the clock jumped ahead, and after a start with a clock far ahead of the last record.
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

  /** To be called before the first record is stored. */
  static async open(options: ClockTrustOptions): Promise<ClockTrust> {
    const newest = await options.meta.read(async (tx) => [
      ...(await tx.audit({ limit: 1 })),
      ...(await tx.fleet.deploys({ limit: 1 })),
    ]);
    const times = newest.map(({ time }) => Date.parse(time));
    return new ClockTrust(options, times.length === 0 ? undefined : Math.max(...times));
  }

  /** To be called in each round of housekeeping: a jump is detected between two calls. */
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
