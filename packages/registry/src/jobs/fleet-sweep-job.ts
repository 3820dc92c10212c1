import type { Fleet } from '../core/fleet/fleet.js';
import type { Job } from './job.js';

/** Sweeps while a host becomes lost. */
const SWEEPS = 9;

/** Notes at intervals which hosts became lost. */
export function startSweeping(fleet: Pick<Fleet, 'sweep' | 'lostAfterMs'>): Job {
  const timer = setInterval(() => fleet.sweep(), Math.max(1, fleet.lostAfterMs / SWEEPS)).unref();
  return { stop: async () => clearInterval(timer) };
}
