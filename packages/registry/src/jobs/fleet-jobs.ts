import type { Fleet } from '../core/fleet/fleet.js';
import { LostHosts, type LostHostsPorts } from '../core/notices/lost-hosts.js';
import { LowDisk, type LowDiskPorts } from '../core/notices/low-disk.js';
import { type RolloutPorts, Rollouts } from '../core/notices/rollouts.js';
import type { Job } from './job.js';

/** Sweeps, and checks of all hosts, within the time after which a silent host is lost. */
const SWEEPS = 9;

/** Logs lost hosts, checking at intervals. */
export function startSweeping(fleet: Pick<Fleet, 'sweep' | 'lostAfterMs'>): Job {
  const timer = setInterval(() => fleet.sweep(), Math.max(1, fleet.lostAfterMs / SWEEPS)).unref();
  return { stop: async () => clearInterval(timer) };
}

/** Interval between checks of the disk: at 300 MB/s it takes longer to fill twice the default reserve. */
const DISK_INTERVAL_MS = 3000;

/** Makes notices from now on, and those of earlier events that were not sent yet. */
export async function startNotices(ports: RolloutPorts & LostHostsPorts & LowDiskPorts): Promise<Job> {
  const rollouts = await Rollouts.open(ports);
  const lostHosts = await LostHosts.open(ports);
  const checkHosts = () => {
    rollouts.check();
    lostHosts.check();
  };
  const timer = setInterval(checkHosts, Math.max(1, ports.fleet.lostAfterMs / SWEEPS)).unref();
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
