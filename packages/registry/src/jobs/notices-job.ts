import { LostHosts } from '../core/notices/lost-hosts.js';
import { LowDisk } from '../core/notices/low-disk.js';
import { Rollouts } from '../core/notices/rollouts.js';
import type { Registry } from '../core/registry.js';
import type { Job } from './job.js';

/** How many times hosts are looked over while one becomes lost. */
const LOOKS = 9;
/** A disk that is written to at 300 MB/s takes longer than that for twice the usual reserve. */
const DISK_MS = 3000;

/** Makes notices of what happens from now on, and of what was not told before the registry was started. */
export async function startNotices(registry: Registry): Promise<Job> {
  const rollouts = await Rollouts.open(registry);
  const lostHosts = await LostHosts.open(registry);
  const look = () => {
    rollouts.look();
    lostHosts.look();
  };
  const timer = setInterval(look, Math.max(1, registry.fleet.lostAfterMs / LOOKS)).unref();
  const lowDisk = new LowDisk(registry);
  await lowDisk.look();
  const disk = setInterval(() => void lowDisk.look(), DISK_MS).unref();
  return {
    stop: async () => {
      clearInterval(timer);
      clearInterval(disk);
      await Promise.all([rollouts.stop(), lostHosts.stop(), lowDisk.look()]);
    },
  };
}
