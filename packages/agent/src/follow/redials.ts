import { backoffMs } from '@deploy-tools/shared/backoff.js';
import type { Timers } from '../host/timers.js';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** A connection that lasted so long counts as a good one. */
const LASTING_MS = 60_000;

export interface RedialOptions {
  readonly pollMs: number;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
}

/** How long an agent waits before it connects again: longer each time, until a connection has lasted. */
export class Redials {
  readonly #options: RedialOptions;
  readonly #timers: Pick<Timers, 'now'>;
  #count = 0;
  #since: number | undefined;

  constructor(options: RedialOptions, timers: Pick<Timers, 'now'>) {
    this.#options = options;
    this.#timers = timers;
  }

  /** There is a connection: still the one before, unless that was closed. */
  connected(): void {
    this.#since ??= this.#timers.now();
  }

  /** The connection is closed, or could not be made. */
  closed(): void {
    if (this.#since !== undefined && this.#timers.now() - this.#since >= LASTING_MS) this.#count = 0;
    this.#since = undefined;
  }

  /**
   * Full jitter below a bound that doubles up to the poll interval, or a minute, so that the agents of a fleet do not all connect at
   * once after a registry's restart.
   * @returns milliseconds to wait before the next connection.
   */
  next(): number {
    const { pollMs, random } = this.#options;
    const maxMs = Math.max(Math.min(pollMs, LONGEST_PAUSE_MS), FIRST_PAUSE_MS);
    this.#count += 1;
    return random() * backoffMs(this.#count, { firstMs: FIRST_PAUSE_MS, maxMs });
  }
}
