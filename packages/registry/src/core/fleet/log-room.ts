import type { LogGap } from '../../meta/fleet-store.js';

/** How long it is believed how much the disk has left. */
const BELIEVED_MS = 1000;

export interface LogRoomOptions {
  /** The disk that the logs are stored on. */
  readonly bytes: { freeBytes(): Promise<number> };
  /** Bytes of it that must stay free. */
  readonly minFree: number;
  /** Milliseconds that only grow. */
  readonly steady: () => number;
}

/** Whether there is room for logs of deploys: an outcome matters more than its log. */
export class LogRoom {
  readonly #options: LogRoomOptions;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #isLow = false;

  constructor(options: LogRoomOptions) {
    this.#options = options;
  }

  /** The log, or why it is not to be stored. */
  async admit(log: readonly string[]): Promise<readonly string[] | LogGap> {
    if (log.length === 0) return log;
    const now = this.#options.steady();
    if (now - this.#lookedAt >= BELIEVED_MS) {
      this.#isLow = await this.#look();
      this.#lookedAt = now;
    }
    return this.#isLow ? 'no-space' : log;
  }

  /** A disk that does not tell is taken for one with room: what does not fit is refused when it is written. */
  async #look(): Promise<boolean> {
    const { bytes, minFree } = this.#options;
    try {
      return (await bytes.freeBytes()) < minFree;
    } catch {
      return false;
    }
  }
}
