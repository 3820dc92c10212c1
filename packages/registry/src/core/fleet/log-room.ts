import type { LogGap } from '../../meta/fleet-store.js';

/** Interval between checks of the free space. */
const CHECK_EVERY_MS = 1000;

export interface LogRoomOptions {
  /** The disk that the logs are stored on. */
  readonly bytes: { freeBytes(): Promise<number> };
  /** Bytes of the disk that must stay free. */
  readonly minFree: number;
  /** Milliseconds of a clock that nobody sets. */
  readonly steady: () => number;
}

/** Admits logs of deploys while the disk has room: outcomes are more important than their logs. */
export class LogRoom {
  readonly #options: LogRoomOptions;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #isLow = false;

  constructor(options: LogRoomOptions) {
    this.#options = options;
  }

  /** @returns the log, or why it is not to be stored. */
  async admit(log: readonly string[]): Promise<readonly string[] | LogGap> {
    if (log.length === 0) return log;
    const now = this.#options.steady();
    if (now - this.#checkedAt >= CHECK_EVERY_MS) {
      this.#isLow = await this.#checkDisk();
      this.#checkedAt = now;
    }
    return this.#isLow ? 'no-space' : log;
  }

  /** Whether the disk is low; false when that is unknown, because a full disk refuses the write anyway. */
  async #checkDisk(): Promise<boolean> {
    const { bytes, minFree } = this.#options;
    try {
      return (await bytes.freeBytes()) < minFree;
    } catch {
      return false;
    }
  }
}
