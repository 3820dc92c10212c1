import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { Registry } from '../core/registry.js';
import { findUnindexed } from '../core/unindexed.js';
import type { Job } from './job.js';

/**
 * Indexes the archives that have no manifest, or have lost it, one at a time: now, and again every `intervalMs`; only
 * now when that is 0. Agents use the archives until then.
 */
export function startIndexing(registry: Registry, intervalMs: number): Job {
  const job = new IndexingJob(registry);
  job.begin();
  if (intervalMs > 0) setInterval(() => job.begin(), intervalMs).unref();
  return job;
}

class IndexingJob implements Job {
  readonly #registry: Registry;
  readonly #started: string;
  #running = false;
  #current: string | undefined;
  #stopped = false;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#started = registry.clock().toISOString();
  }

  begin(): void {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    void this.#round().finally(() => {
      this.#running = false;
    });
  }

  /** What is being read ends with the indexer. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#current !== undefined) this.#registry.indexer.drop(this.#current);
  }

  async #round(): Promise<void> {
    const { log } = this.#registry;
    try {
      const hashes = await findUnindexed(this.#registry, this.#started);
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
      await this.#registry.indexer.ensure(hash, 'idle');
    } catch (error) {
      if (isDeployError(error, 'no-space')) throw error;
      // Deleted meanwhile, or the registry stops.
      if (isDeployError(error, 'not-found') || isDeployError(error, 'cancelled')) return;
      this.#registry.log.error({ hash, err: describeError(error) }, 'an archive was not indexed');
    }
  }
}
