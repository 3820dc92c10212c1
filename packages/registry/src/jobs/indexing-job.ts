import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { type Clock, timestamp } from '../core/clock.js';
import type { Indexer } from '../core/indexer.js';
import { findUnindexed, type UnindexedPorts } from '../core/unindexed.js';
import type { Job } from './job.js';

export interface IndexingJobPorts extends UnindexedPorts {
  readonly indexer: Pick<Indexer, 'ensure' | 'drop'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Indexes the archives whose manifest or pack is missing, one at a time: now, and every `intervalMs`; for 0 only now. Agents
 * fetch whole archives until then.
 */
export function startIndexing(ports: IndexingJobPorts, intervalMs: number): Job {
  const { indexer, clock, log } = ports;
  const started = timestamp(clock);
  const stop = new AbortController();
  let isRunning = false;
  let current: string | undefined;
  const runRound = async (): Promise<void> => {
    if (isRunning) return;
    isRunning = true;
    try {
      const hashes = await findUnindexed(ports, started);
      if (hashes.length > 0) log.info({ archives: hashes.length }, 'archives without a manifest');
      for (const hash of hashes) {
        if (stop.signal.aborted) break;
        current = hash;
        await indexOne(ports, hash);
      }
    } catch (error) {
      if (!stop.signal.aborted) log.error({ err: describeError(error) }, 'indexing in the background failed');
    }
    current = undefined;
    isRunning = false;
  };
  void runRound();
  const timer = intervalMs > 0 ? setInterval(() => void runRound(), intervalMs).unref() : undefined;
  return {
    /** The indexer's own stop waits for the archive that is being read. */
    stop: async () => {
      stop.abort();
      clearInterval(timer);
      if (current !== undefined) indexer.drop(current);
    },
  };
}

/** @throws DeployError no-space: indexing another archive would fail as well. */
async function indexOne({ indexer, log }: IndexingJobPorts, hash: string): Promise<void> {
  try {
    await indexer.ensure(hash, 'idle');
  } catch (error) {
    if (isDeployError(error, 'no-space')) throw error;
    // The archive was deleted meanwhile, or the registry stops.
    if (isDeployError(error, 'not-found') || isDeployError(error, 'cancelled')) return;
    log.error({ hash, err: describeError(error) }, 'an archive was not indexed');
  }
}
