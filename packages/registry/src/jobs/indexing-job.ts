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
 * Indexes the archives that have no manifest, or have lost it, one at a time: now, and again every `intervalMs`; only
 * now when that is 0. Agents use the archives until then.
 */
export function startIndexing(ports: IndexingJobPorts, intervalMs: number): Job {
  const job = new IndexingJob(ports);
  job.begin();
  if (intervalMs > 0) setInterval(() => job.begin(), intervalMs).unref();
  return job;
}

class IndexingJob implements Job {
  readonly #ports: IndexingJobPorts;
  readonly #started: string;
  #running = false;
  #current: string | undefined;
  #stopped = false;

  constructor(ports: IndexingJobPorts) {
    this.#ports = ports;
    this.#started = timestamp(ports.clock);
  }

  begin(): void {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    void this.#round().finally(() => {
      this.#running = false;
    });
  }

  /** The indexer's own stop waits for the archive that is being read. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#current !== undefined) this.#ports.indexer.drop(this.#current);
  }

  async #round(): Promise<void> {
    const { log } = this.#ports;
    try {
      const hashes = await findUnindexed(this.#ports, this.#started);
      if (hashes.length > 0) log.info({ archives: hashes.length }, 'archives without a manifest');
      for (const hash of hashes) {
        if (this.#stopped) return;
        this.#current = hash;
        await this.#index(hash);
      }
    } catch (error) {
      if (!this.#stopped) log.error({ err: describeError(error) }, 'indexing in the background failed');
    } finally {
      this.#current = undefined;
    }
  }

  /** @throws DeployError no-space: the next one would fail as well. */
  async #index(hash: string): Promise<void> {
    try {
      await this.#ports.indexer.ensure(hash, 'idle');
    } catch (error) {
      if (isDeployError(error, 'no-space')) throw error;
      // Deleted meanwhile, or the registry stops.
      if (isDeployError(error, 'not-found') || isDeployError(error, 'cancelled')) return;
      this.#ports.log.error({ hash, err: describeError(error) }, 'an archive was not indexed');
    }
  }
}
