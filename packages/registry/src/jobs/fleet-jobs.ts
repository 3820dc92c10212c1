import type { Fleet } from '../core/fleet/fleet.js';
import { LostHosts, type LostHostsPorts } from '../core/notices/lost-hosts.js';
import { LowDisk, type LowDiskPorts } from '../core/notices/low-disk.js';
import { type RolloutPorts, Rollouts } from '../core/notices/rollouts.js';
import type { Job } from './job.js';

/** Sweeps while a host becomes lost. */
const SWEEPS = 9;

/** Notes at intervals which hosts became lost. */
export function startSweeping(fleet: Pick<Fleet, 'sweep' | 'lostAfterMs'>): Job {
  const timer = setInterval(() => fleet.sweep(), Math.max(1, fleet.lostAfterMs / SWEEPS)).unref();
  return { stop: async () => clearInterval(timer) };
}

/** Checks of all hosts while one becomes lost. */
const CHECKS = 9;
/** Interval between checks of the disk: twice the usual reserve takes longer to fill at 300 MB/s. */
const DISK_INTERVAL_MS = 3000;

/** Makes notices of what happens from now on, and of what happened before the start and was not sent yet. */
export async function startNotices(ports: RolloutPorts & LostHostsPorts & LowDiskPorts): Promise<Job> {
  const rollouts = await Rollouts.open(ports);
  const lostHosts = await LostHosts.open(ports);
  const checkHosts = () => {
    rollouts.check();
    lostHosts.check();
  };
  const timer = setInterval(checkHosts, Math.max(1, ports.fleet.lostAfterMs / CHECKS)).unref();
  const lowDisk = new LowDisk(ports);
  await lowDisk.check();
  const disk = setInterval(() => void lowDisk.check(), DISK_INTERVAL_MS).unref();
  return {
    stop: async () => {
      clearInterval(timer);
      clearInterval(disk);
      await Promise.all([rollouts.stop(), lostHosts.stop(), lowDisk.check()]);
    },
  };
}
