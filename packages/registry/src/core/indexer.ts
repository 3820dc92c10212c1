import { RAISE_THE_LIMIT } from '@deploy-tools/shared/archive/entry-policy.js';
import { DeployError, describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { ArchiveIndex, IndexedArchive } from '../meta/meta-store.js';
import { type IndexStores, indexArchive, isIndexStored } from './index-archive.js';
import { SharedJobs, type Urgency } from './shared-jobs.js';

/** Archives read through at once: the other core is for those who are served meanwhile. */
const SLOTS = 2;

/** Reads archives through, each once however many ask for it, and keeps what that gave. */
export class Indexer {
  readonly #stores: IndexStores;
  readonly #log: Logger;
  /** Refusals from before may be due to other limits or an older program. */
  readonly #started: string;
  readonly #jobs: SharedJobs<ArchiveIndex>;
  /** Those for which there was no space. */
  readonly #unread = new Set<string>();

  constructor(stores: IndexStores) {
    this.#stores = stores;
    this.#log = stores.log;
    this.#started = stores.clock().toISOString();
    this.#jobs = new SharedJobs(
      SLOTS,
      (hash, signal) => this.#index(hash, signal),
      () => new DeployError('cancelled', 'reading the archive was stopped', { hint: 'try again' }),
    );
  }

  /** Begins to read an archive or upload that will be asked for; whatever comes of it is logged. */
  begin(hash: string): void {
    void this.ensure(hash, 'soon').catch((error: unknown) => {
      if (!isDeployError(error, 'cancelled') && !isDeployError(error, 'not-found'))
        this.#log.warn({ hash, err: describeError(error) }, 'an upload was not indexed');
    });
  }

  /**
   * What is known of an archive or upload; it is read first where that has not been done, or its files are gone.
   * @throws DeployError not-found, no-space, cancelled, internal: nothing is known.
   */
  async ensure(hash: string, urgency: Urgency): Promise<ArchiveIndex> {
    return (await this.#known(hash)) ?? this.#jobs.run(hash, urgency);
  }

  /** Reads it again, whatever is known. */
  renew(hash: string, urgency: Urgency): Promise<ArchiveIndex> {
    return this.#jobs.run(hash, urgency);
  }

  /** Whether a command waits for that upload: it must not expire meanwhile. */
  isAwaited(hash: string): boolean {
    return this.#jobs.isAwaited(hash);
  }

  /**
   * Whether reading an upload came to nothing, as it is refused or as there was no space, and nobody waits for it.
   * @param index what is kept of it.
   */
  isInVain(hash: string, index: ArchiveIndex | undefined): boolean {
    if (this.#jobs.isAwaited(hash)) return false;
    if (this.#unread.has(hash)) return true;
    if (index?.kind !== 'refused' || index.made < this.#started) return false;
    return index.reason.kind !== 'unsupported';
  }

  /** The upload is gone. */
  drop(hash: string): void {
    this.#unread.delete(hash);
    this.#jobs.drop(hash);
  }

  /** Ends what runs, and resolves when nothing is written any more. */
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
    else this.#log.info(summary(index, ms), 'archive indexed');
    return index;
  }
}

/** What an archive is refused for, as an error. */
export function refusal({ reason }: Extract<ArchiveIndex, { kind: 'refused' }>): DeployError {
  const hint = reason.hint === RAISE_THE_LIMIT ? 'the registry sets the limits by its flags' : reason.hint;
  return new DeployError(reason.kind, reason.message, hint === undefined ? {} : { hint });
}

function summary({ archive, manifest, pack, entries, bytes }: IndexedArchive, ms: number): object {
  return {
    hash: archive.hash,
    size: archive.size,
    entries,
    bytes,
    manifest: manifest.size,
    pack: pack.size,
    ms,
  };
}
