import type { ConfigurationEvents } from '../configuration-events.js';
import type { Fleet } from './fleet.js';

/** The longest time between two checks: no event announces that a host becomes lost. */
const MAX_GAP_MS = 1000;
/** The shortest time between two checks: thousands of hosts report at once, and each check reads all hosts. */
const MIN_GAP_MS = 100;

export interface StatusWatchPorts {
  readonly fleet: Pick<Fleet, 'events'>;
  readonly configurations: { readonly events: ConfigurationEvents };
}

/** Waits for changes of a configuration and of the hosts that follow it. */
export class StatusWatch {
  readonly #signal: AbortSignal;
  readonly #unsubscribe: readonly (() => void)[];
  #changed = true;
  #wake = () => {};

  constructor({ fleet, configurations }: StatusWatchPorts, name: string, signal: AbortSignal) {
    this.#signal = signal;
    const note = () => {
      this.#changed = true;
      this.#wake();
    };
    this.#unsubscribe = [fleet.events.subscribe([name], note), configurations.events.subscribe([name], note)];
    signal.addEventListener('abort', note, { once: true });
  }

  /** Resolves after a change, a second or `maxMs`, or when the signal is aborted. */
  async change(maxMs: number): Promise<void> {
    if (this.#changed) await this.#pause(Math.min(MIN_GAP_MS, maxMs), () => this.#signal.aborted);
    else await this.#pause(Math.min(MAX_GAP_MS, maxMs), () => this.#changed);
    this.#changed = false;
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  #pause(ms: number, isOver: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        if (!isOver()) return;
        clearTimeout(timer);
        resolve();
      };
      this.#wake();
    });
  }
}
