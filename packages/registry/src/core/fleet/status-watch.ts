import type { Registry } from '../registry.js';

/** Hosts become lost by the passing of time, which nobody announces. */
const LOOK_EVERY_MS = 1000;
/** Thousands of hosts say something at the same time; each look goes through all of them. */
const LOOK_GAP_MS = 100;

/** Tells when it is worth looking at a configuration's hosts again. */
export class StatusWatch {
  readonly #signal: AbortSignal;
  readonly #unsubscribe: readonly (() => void)[];
  #changed = true;
  #wake = () => {};

  constructor(registry: Registry, name: string, signal: AbortSignal) {
    this.#signal = signal;
    const note = () => {
      this.#changed = true;
      this.#wake();
    };
    this.#unsubscribe = [
      registry.fleet.events.subscribe(name, note),
      registry.events.subscribe([name], note),
    ];
    signal.addEventListener('abort', note, { once: true });
  }

  /** Waits for a change, a second at most, or for the signal. @param mostMs at most so long. */
  async change(mostMs: number): Promise<void> {
    if (this.#changed) await this.#pause(Math.min(LOOK_GAP_MS, mostMs), () => this.#signal.aborted);
    else await this.#pause(Math.min(LOOK_EVERY_MS, mostMs), () => this.#changed);
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
