import { backoffMs } from '@deploy-tools/shared/backoff.js';
import type { Timers } from '../host/timers.js';

const FIRST_MS = 1000;
const MAX_MS = 60_000;
/** After a connection of this length the backoff begins anew. */
const LASTING_MS = 60_000;

export interface RedialOptions {
  readonly pollMs: number;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
}

/** The backoff between connections: longer each time, until a connection has lasted. */
export class Redials {
  readonly #options: RedialOptions;
  readonly #timers: Pick<Timers, 'now'>;
  #count = 0;
  #since: number | undefined;

  constructor(options: RedialOptions, timers: Pick<Timers, 'now'>) {
    this.#options = options;
    this.#timers = timers;
  }

  /** There is a connection: the previous one, unless it was closed. */
  connected(): void {
    this.#since ??= this.#timers.now();
  }

  /** The connection is closed, or the attempt to connect has failed. */
  closed(): void {
    if (this.#since !== undefined && this.#timers.now() - this.#since >= LASTING_MS) this.#count = 0;
    this.#since = undefined;
  }

  /**
   * The delay before the next connection, in milliseconds: random below a bound that doubles up to the poll interval or a minute, so
   * that a fleet's agents do not all connect at once after a restart of the registry.
   */
  next(): number {
    const { pollMs, random } = this.#options;
    const maxMs = Math.max(Math.min(pollMs, MAX_MS), FIRST_MS);
    this.#count += 1;
    return random() * backoffMs(this.#count, { firstMs: FIRST_MS, maxMs });
  }
}
