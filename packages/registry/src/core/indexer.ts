import { RAISE_THE_LIMIT } from '@deploy-tools/shared/archive/entry-policy.js';
import { DeployError, describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { ArchiveIndex, IndexedArchive } from '../meta/meta-store.js';
import { type IndexStores, indexArchive, isIndexStored } from './index-archive.js';
import { SharedJobs, type Urgency } from './shared-jobs.js';

/** Archives that are read at the same time. The other cores are left for clients. */
const MAX_READINGS = 2;

/** Indexes archives, each once however many callers ask for it. */
export class Indexer {
  readonly #stores: IndexStores;
  readonly #log: Logger;
  /** Refusals before this time are not trusted: they may be due to other limits or an older program. */
  readonly #started: string;
  readonly #jobs: SharedJobs<ArchiveIndex>;
  /** Archives that could not be indexed because the disk was full. */
  readonly #unread = new Set<string>();

  constructor(stores: IndexStores) {
    this.#stores = stores;
    this.#log = stores.log;
    this.#started = stores.clock().toISOString();
    this.#jobs = new SharedJobs({
      slots: MAX_READINGS,
      work: (hash, signal) => this.#index(hash, signal),
      cancelled: () => new DeployError('cancelled', 'reading the archive was stopped', { hint: 'try again' }),
    });
  }

  /** Starts to index an upload that an addver is likely to need; a failure is logged. */
  begin(hash: string): void {
    void this.ensure(hash, 'soon').catch((error: unknown) => {
      if (!isDeployError(error, 'cancelled') && !isDeployError(error, 'not-found'))
        this.#log.warn({ hash, err: describeError(error) }, 'an upload was not indexed');
    });
  }

  /**
   * The index of an archive or upload, made first where it or its files are missing.
   * @throws DeployError not-found, no-space, cancelled, internal: there is no index.
   */
  async ensure(hash: string, urgency: Urgency): Promise<ArchiveIndex> {
    return (await this.#known(hash)) ?? this.#jobs.run(hash, urgency);
  }

  /** Makes the index again, also where there is one. */
  renew(hash: string, urgency: Urgency): Promise<ArchiveIndex> {
    return this.#jobs.run(hash, urgency);
  }

  /** Whether a command waits for the index of an upload, which must not expire meanwhile. */
  isAwaited(hash: string): boolean {
    return this.#jobs.isAwaited(hash);
  }

  /**
   * Whether no addver can use an upload, because it is refused or the disk was full, and no command waits for it.
   * @param index the stored one.
   */
  isInVain(hash: string, index: ArchiveIndex | undefined): boolean {
    if (this.#jobs.isAwaited(hash)) return false;
    if (this.#unread.has(hash)) return true;
    if (index?.kind !== 'refused' || index.made < this.#started) return false;
    return index.reason.kind !== 'unsupported';
  }

  /** Stops indexing an upload that is removed. */
  drop(hash: string): void {
    this.#unread.delete(hash);
    this.#jobs.drop(hash);
  }

  /** Stops all indexing; resolves when nothing is written any more. */
  stop(): Promise<void> {
    return this.#jobs.stop();
  }

  async #known(hash: string): Promise<ArchiveIndex | undefined> {
    const index = await this.#stores.meta.read((tx) => tx.index(hash));
    if (index === undefined) return undefined;
    if (index.kind === 'refused') return index.made >= this.#started ? index : undefined;
    return (await isIndexStored(this.#stores.derived, index)) ? index : undefined;
  }

  async #index(hash: string, signal: AbortSignal): Promise<ArchiveIndex> {
    const started = performance.now();
    this.#unread.delete(hash);
    const index = await indexArchive(this.#stores, hash, signal).catch((error: unknown) => {
      if (isDeployError(error, 'no-space')) this.#unread.add(hash);
      throw error;
    });
    const ms = Math.round(performance.now() - started);
    if (index.kind === 'refused') this.#log.warn({ hash, err: index.reason.message, ms }, 'archive refused');
    else this.#log.info({ hash, ...sizesOf(index), ms }, 'archive indexed');
    return index;
  }
}

/** The error for an archive that is refused. */
export function refusal({ reason }: Extract<ArchiveIndex, { kind: 'refused' }>): DeployError {
  const hint = reason.hint === RAISE_THE_LIMIT ? 'the registry sets the limits by its flags' : reason.hint;
  return new DeployError(reason.kind, reason.message, { hint });
}

function sizesOf({ archive, manifest, pack, entries, bytes }: IndexedArchive): object {
  return { size: archive.size, entries, bytes, manifest: manifest.size, pack: pack.size };
}
