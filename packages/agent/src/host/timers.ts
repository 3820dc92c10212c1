import { setTimeout as delay } from 'node:timers/promises';

/** Passing time, independent of the host's clock. Tests pass in their own. */
export interface Timers {
  /** Milliseconds of a clock that only advances. */
  now(): number;
  /** @throws AbortError. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemTimers: Timers = {
  now: () => performance.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  },
};
