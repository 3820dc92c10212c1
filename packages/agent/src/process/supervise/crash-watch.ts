import { formatDuration } from '@deploy-tools/shared/duration.js';
import type { Timers } from '../../host/timers.js';
import type { SupervisorEvent } from './supervisor-event.js';

/** The time after which a program works again: the longest pause before a start. */
const WORKS_AGAIN_MS = 60_000;

interface CrashWatchOptions {
  readonly timers: Timers;
  /** Called when `crash` has changed. Must not throw. */
  readonly onChange: () => void;
}

/** Follows a supervisor's events to know whether its program keeps crashing. */
export class CrashWatch {
  readonly #options: CrashWatchOptions;
  #crash: string | undefined;
  #count = 0;
  /** Aborted when the wait for a recovery is over. */
  #recovery = new AbortController();

  constructor(options: CrashWatchOptions) {
    this.#options = options;
  }

  /** How the program crashed and when it starts again; until it was up for a minute, or another program took over. */
  get crash(): string | undefined {
    return this.#crash;
  }

  take(event: SupervisorEvent): void {
    if (event.kind === 'crashed') {
      this.#count += 1;
      const often = this.#count === 1 ? '' : `, ${this.#count} times in a row`;
      this.#become(
        `${event.error.message}${often}; started again after ${formatDuration(event.restartInMs)}`,
      );
    } else if (event.kind === 'started' && this.#crash !== undefined) void this.#recover();
    else if (event.kind === 'in-charge' && this.#crash !== undefined) this.#become(undefined);
  }

  /** Ends the wait for a recovery. */
  close(): void {
    this.#recovery.abort();
  }

  #become(crash: string | undefined): void {
    if (crash === undefined) this.#count = 0;
    this.#recovery.abort();
    this.#crash = crash;
    this.#options.onChange();
  }

  async #recover(): Promise<void> {
    this.#recovery.abort();
    this.#recovery = new AbortController();
    const { signal } = this.#recovery;
    await this.#options.timers.sleep(WORKS_AGAIN_MS, signal).catch(() => undefined);
    if (!signal.aborted) this.#become(undefined);
  }
}
