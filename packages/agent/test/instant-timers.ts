import type { Timers } from '@deploy-tools/agent/host/timers.js';

/** Time that passes only where somebody sleeps, and then at once. */
export function instantTimers(): Timers {
  let now = 1000;
  return {
    now: () => now,
    sleep: async (ms, signal) => {
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      now += ms;
    },
  };
}
