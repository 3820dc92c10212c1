import { setTimeout as delay } from 'node:timers/promises';

/** Time as it passes, apart from what the host's clock says; passed in where tests want to make it pass. */
export interface Timers {
  /** Milliseconds from some moment on; never decreases. */
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
