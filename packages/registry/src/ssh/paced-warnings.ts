import type { Logger } from '@deploy-tools/shared/log.js';

const EVERY_MS = 1000;

/**
 * Limits warnings that strangers can cause: logs one of each kind a second, and the number of the others.
 */
export class PacedWarnings {
  readonly #log: Logger;
  readonly #leftOut = new Map<string, number>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param message names the kind. */
  warn(fields: Readonly<Record<string, unknown>>, message: string): void {
    const before = this.#leftOut.get(message);
    if (before !== undefined) {
      this.#leftOut.set(message, before + 1);
      return;
    }
    this.#leftOut.set(message, 0);
    this.#log.warn(fields, message);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const times = this.#leftOut.get(message) ?? 0;
      this.#leftOut.delete(message);
      if (times > 0) this.warn({ times }, message);
    }, EVERY_MS);
    this.#timers.add(timer);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
