import { LostHosts } from '../core/notices/lost-hosts.js';
import { Rollouts } from '../core/notices/rollouts.js';
import type { Registry } from '../core/registry.js';
import type { Job } from './job.js';

/** How many times hosts are looked over while one becomes lost. */
const LOOKS = 9;

/** Makes notices of what happens from now on, and of what was not told before the registry was started. */
export async function startNotices(registry: Registry): Promise<Job> {
  const rollouts = await Rollouts.open(registry);
  const lostHosts = await LostHosts.open(registry);
  const look = () => {
    rollouts.look();
    lostHosts.look();
  };
  const timer = setInterval(look, Math.max(1, registry.fleet.lostAfterMs / LOOKS)).unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all([rollouts.stop(), lostHosts.stop()]);
    },
  };
}
