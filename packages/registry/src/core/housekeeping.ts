import { setImmediate } from 'node:timers/promises';
import type { ComponentVersion, StoredBlob } from '@deploy-tools/shared/model.js';
import type { ByteStore } from '../layers/byte-store.js';
import type { MetaReader, MetaStore, MetaWriter, Upload } from '../meta/meta-store.js';
import { type Clock, timestampBefore } from './clock.js';
import type { ClockTrust } from './clock-trust.js';
import {
  collectDerived,
  type DerivedPorts,
  findUnnamed,
  type SurplusDerived,
} from './derived-housekeeping.js';
import { boundHistory } from './fleet/history-bounds.js';
import type { Indexer } from './indexer.js';
import type { RegistryLimits } from './limits.js';

/**
 * Repeats a step that blocks the event loop, as SQLite does, until it does nothing or the signal is aborted. Other work runs
 * between two steps.
 * @param step resolves with the amount that it did. @returns the sum of the amounts.
 */
export async function inSteps(step: () => Promise<number>, stopping: AbortSignal): Promise<number> {
  let all = 0;
  while (!stopping.aborted) {
    const done = await step();
    if (done === 0) break;
    all += done;
    await setImmediate();
  }
  return all;
}

/** The things that housekeeping removes, or would remove. */
export interface Surplus {
  readonly versions: readonly ComponentVersion[];
  readonly uploads: readonly Upload[];
  /** Archives that no version names any more. */
  readonly files: readonly StoredBlob[];
  /** Manifests and packs of archives that were removed or indexed again. */
  readonly derived: readonly SurplusDerived[];
  readonly freed: Freed;
  /** Expired audit records; known only after removal. */
  readonly auditRecords: number;
  /** Expired deploys; known only after removal. */
  readonly deploys: number;
  /** Whether expired records were kept because the clock is not trusted. */
  readonly spared: boolean;
}

/** The space that the removal of files frees. */
export interface Freed {
  readonly files: number;
  readonly bytes: number;
}

/** The uploads to remove: expired ones, or also those that no addver can use because they could not be read. */
export type SurplusUploads = 'expired' | 'expired or in vain';

export interface HousekeepingPorts extends DerivedPorts {
  readonly meta: MetaStore;
  readonly bytes: ByteStore;
  readonly indexer: Indexer;
  readonly clock: Clock;
  readonly clockTrust: ClockTrust;
  /** Aborted when the registry stops and the grace period is over. */
  readonly stopping: AbortSignal;
  readonly limits: Pick<
    RegistryLimits,
    'keepVersions' | 'uploadTtlMs' | 'auditKeepMs' | 'historyKeepMs' | 'historySize' | 'unchecked'
  >;
}

/** Removes surplus versions, uploads, archives and indexes, and old records. */
export class Housekeeping {
  readonly #ports: HousekeepingPorts;

  constructor(ports: HousekeepingPorts) {
    this.#ports = ports;
  }

  /** Finds the things that {@link collect} would remove now. Changes nothing. */
  async find(which: SurplusUploads = 'expired'): Promise<Surplus> {
    const { meta, bytes } = this.#ports;
    return meta.read(async (tx) => {
      const versions = await this.#surplusVersions(tx);
      const kept = await hashesBesides(tx, new Set(versions.map(versionKey)));
      const archives = await bytes.archives();
      const files = archives.filter(({ hash }) => !kept.has(hash)).map(({ hash, size }) => ({ hash, size }));
      const uploads = await this.#surplusUploads(tx, which);
      const expired = new Set(uploads.map(({ hash }) => hash));
      for (const { hash } of await tx.uploads()) if (!expired.has(hash)) kept.add(hash);
      const indexes = (await tx.indexes()).filter(({ archive }) => kept.has(archive.hash));
      const derived = await findUnnamed(this.#ports, indexes);
      const freed = freedBy([...uploads, ...files, ...derived], kept);
      return { versions, uploads, files, derived, freed, auditRecords: 0, deploys: 0, spared: false };
    });
  }

  /**
   * Removes surplus versions, expired uploads, unnamed archives with their manifests and packs, and old records. A transaction
   * for each file checks again before it is removed, so that an `addver` of the same bytes is never undone.
   */
  async collect(which: SurplusUploads = 'expired'): Promise<Surplus> {
    const { meta, stopping } = this.#ports;
    const removed = await meta.write(async (tx) => {
      const versions = await this.#surplusVersions(tx);
      for (const { component, version } of versions) await tx.deleteVersion(component, version);
      return { versions, ...(await this.#deleteOldAudit(tx)) };
    });
    const deploys = removed.spared ? 0 : await this.#deleteOldDeploys();
    await this.#boundHistory();
    const uploads = await this.#collectUploads(which);
    const files = await this.#collectArchives();
    const derived = await collectDerived(this.#ports);
    const freed = freedBy([...uploads, ...files, ...derived], await this.#storedHashes());
    await inSteps(async () => Number(await meta.shrink()), stopping);
    return { ...removed, deploys, uploads, files, derived, freed };
  }

  async #deleteOldAudit(tx: MetaWriter): Promise<Pick<Surplus, 'auditRecords' | 'spared'>> {
    const { clock, clockTrust, limits } = this.#ports;
    if (!clockTrust.mayDelete()) return { auditRecords: 0, spared: true };
    const auditRecords = await tx.deleteAuditBefore(timestampBefore(clock, limits.auditKeepMs));
    return { auditRecords, spared: false };
  }

  #deleteOldDeploys(): Promise<number> {
    const { meta, clock, limits, stopping } = this.#ports;
    const time = timestampBefore(clock, limits.historyKeepMs);
    return inSteps(() => meta.write(({ fleet }) => fleet.deleteDeploysBefore(time)), stopping);
  }

  /** Applies bounds that were lowered: otherwise each stored outcome keeps the history within them. */
  async #boundHistory(): Promise<void> {
    const { meta, limits, stopping } = this.#ports;
    await inSteps(() => meta.write(({ fleet }) => boundHistory(fleet, limits.historySize)), stopping);
  }

  async #storedHashes(): Promise<Set<string>> {
    const { bytes } = this.#ports;
    return new Set([...(await bytes.archives()), ...(await bytes.uploads())].map(({ hash }) => hash));
  }

  async #surplusVersions(tx: MetaReader): Promise<ComponentVersion[]> {
    const surplus: ComponentVersion[] = [];
    const keep = this.#ports.limits.keepVersions;
    if (keep < 1) return surplus;
    for (const component of await tx.components()) {
      for (const version of (await tx.versions(component)).slice(0, -keep)) {
        const users = await tx.configurationsUsing(component, version.version);
        if (users.length === 0) surplus.push(version);
      }
    }
    return surplus;
  }

  async #surplusUploads(tx: MetaReader, which: SurplusUploads): Promise<Upload[]> {
    const { clock, indexer, limits } = this.#ports;
    const limit = timestampBefore(clock, limits.uploadTtlMs);
    const all = await tx.uploads();
    const fresh = new Set(all.filter((upload) => upload.created >= limit).map((upload) => upload.hash));
    const surplus = all.filter(({ hash }) => !fresh.has(hash) && !indexer.isAwaited(hash));
    if (which === 'expired' || limits.unchecked) return surplus;
    for (const upload of all) {
      const { hash } = upload;
      if (fresh.has(hash) && indexer.isInVain(hash, await tx.index(hash))) surplus.push(upload);
    }
    return surplus;
  }

  async #collectUploads(which: SurplusUploads): Promise<Upload[]> {
    const { meta, bytes, indexer, clock, limits } = this.#ports;
    return meta.write(async (tx) => {
      const expired = await this.#surplusUploads(tx, which);
      for (const { hash } of expired) {
        indexer.drop(hash);
        await tx.deleteUpload(hash);
      }
      for (const { hash, mtime } of await bytes.uploads()) {
        // A file without a row is of a crash between the two writes, or its row is just being written.
        const settled = clock().getTime() - mtime * 1000 > limits.uploadTtlMs;
        const orphan = settled && !(await tx.hasUpload(hash));
        if (orphan || expired.some((upload) => upload.hash === hash)) await bytes.removeUpload(hash);
      }
      return expired;
    });
  }

  async #collectArchives(): Promise<StoredBlob[]> {
    const { meta, bytes } = this.#ports;
    const removed: StoredBlob[] = [];
    const used = new Set(await meta.read((tx) => tx.archivesByUse()));
    for (const { hash, size } of await bytes.archives()) {
      if (used.has(hash)) continue;
      await meta.write(async (tx) => {
        if (await tx.isArchiveUsed(hash)) return;
        await bytes.remove(hash);
        removed.push({ hash, size });
      });
    }
    return removed;
  }
}

/** Deletes records of uploads whose bytes are missing, as after a restore. To be called before any upload. @returns their number. */
export function forgetLostUploads(ports: Pick<HousekeepingPorts, 'meta' | 'bytes'>): Promise<number> {
  const { meta, bytes } = ports;
  return meta.write(async (tx) => {
    const stored = new Set((await bytes.uploads()).map(({ hash }) => hash));
    const lost = new Set((await tx.uploads()).map(({ hash }) => hash).filter((hash) => !stored.has(hash)));
    for (const hash of lost) await tx.deleteUpload(hash);
    return lost.size;
  });
}

/** The freed space: an upload and an archive with the same hash share their bytes, which are freed when both are removed. */
function freedBy(removed: readonly StoredBlob[], kept: ReadonlySet<string>): Freed {
  const sizes = new Map(removed.filter(({ hash }) => !kept.has(hash)).map(({ hash, size }) => [hash, size]));
  return { files: sizes.size, bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0) };
}

async function hashesBesides(tx: MetaReader, gone: ReadonlySet<string>): Promise<Set<string>> {
  const hashes = new Set<string>();
  for (const component of await tx.components()) {
    for (const version of await tx.versions(component)) {
      if (!gone.has(versionKey(version))) hashes.add(version.hash);
    }
  }
  return hashes;
}

function versionKey({ component, version }: ComponentVersion): string {
  return `${component}:${version}`;
}
