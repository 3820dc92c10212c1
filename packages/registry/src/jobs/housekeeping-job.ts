import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Housekeeping } from '../core/housekeeping.js';
import type { RegistryLimits } from '../core/limits.js';
import type { Job } from './job.js';

/** The shortest interval between two rounds, even where uploads expire sooner. */
export const MIN_INTERVAL_MS = 1000;

export interface HousekeepingJobPorts {
  readonly housekeeping: Housekeeping;
  readonly limits: Pick<RegistryLimits, 'uploadTtlMs'>;
  readonly log: Logger;
}

/** Runs housekeeping every `intervalMs`, or more often where uploads expire sooner; never for 0. A failure is logged. */
export function startHousekeeping(ports: HousekeepingJobPorts, intervalMs: number): Job {
  if (intervalMs <= 0) return { stop: async () => {} };
  const every = Math.max(MIN_INTERVAL_MS, Math.min(intervalMs, ports.limits.uploadTtlMs));
  let running: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    running = running.then(() => runRound(ports));
  }, every).unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}

async function runRound({ housekeeping, log }: HousekeepingJobPorts): Promise<void> {
  try {
    const { versions, uploads, files, derived, auditRecords, deploys } = await housekeeping.collect();
    const lengths = { versions: versions.length, uploads: uploads.length, files: files.length };
    const counts = { ...lengths, derived: derived.length, auditRecords, deploys };
    if (Object.values(counts).some((count) => count > 0)) log.info(counts, 'housekeeping removed');
  } catch (error) {
    log.error({ err: describeError(error) }, 'housekeeping failed');
  }
}
