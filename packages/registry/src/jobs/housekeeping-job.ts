import { describeError } from '@deploy-tools/shared/errors.js';
import { collect } from '../core/housekeeping.js';
import type { Registry } from '../core/registry.js';
import type { Job } from './job.js';

/** The least time between two rounds, however short the life of uploads is. */
export const SHORTEST_ROUND_MS = 1000;

/** Collects every `intervalMs`, sooner where uploads expire sooner; a failed round is logged and the next one comes. */
export function startHousekeeping(registry: Registry, intervalMs: number): Job {
  if (intervalMs <= 0) return { stop: async () => {} };
  const every = Math.max(SHORTEST_ROUND_MS, Math.min(intervalMs, registry.limits.uploadTtlMs));
  let running: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    running = running.then(() => round(registry));
  }, every);
  timer.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}

async function round(registry: Registry): Promise<void> {
  try {
    const { versions, uploads, files, derived, auditRecords, deploys } = await collect(registry);
    const counts = {
      versions: versions.length,
      uploads: uploads.length,
      files: files.length,
      derived: derived.length,
      auditRecords,
      deploys,
    };
    if (Object.values(counts).some((count) => count > 0)) registry.log.info(counts, 'housekeeping removed');
  } catch (error) {
    registry.log.error({ err: describeError(error) }, 'housekeeping failed');
  }
}
