import type { ComponentVersion } from '@deploy-tools/shared/model.js';
import type { MetaReader, MetaWriter, StoredBlob, Upload } from '../meta/meta-store.js';
import { collectDerived, findDerivedSurplus, type SurplusDerived } from './derived-housekeeping.js';
import { boundHistory } from './fleet/history-bounds.js';
import { type Freed, freedBy } from './freed.js';
import { inSteps } from './in-steps.js';
import { type Registry, timestampBefore } from './registry.js';

/** What housekeeping removes, or would. */
export interface Surplus {
  readonly versions: readonly ComponentVersion[];
  readonly uploads: readonly Upload[];
  /** Archives that no version names any more. */
  readonly files: readonly StoredBlob[];
  /** Manifests and packs of archives that are gone, or that were made anew. */
  readonly derived: readonly SurplusDerived[];
  readonly freed: Freed;
  /** Audit records past their time; known only after removal. */
  readonly auditRecords: number;
  /** Deploys past their time; known only after removal. */
  readonly deploys: number;
  /** Whether records past their time were kept, because the clock is not to be believed for now. */
  readonly spared: boolean;
}

/** Which uploads are surplus: those that expired, or also those that no addver can take as they were read in vain. */
export type SurplusUploads = 'expired' | 'expired or in vain';

/** What {@link collect} would remove now. Reads only. */
export async function findSurplus(registry: Registry, which: SurplusUploads = 'expired'): Promise<Surplus> {
  return registry.meta.read(async (tx) => {
    const versions = await surplusVersions(registry, tx);
    const kept = await hashesBesides(tx, new Set(versions.map(versionKey)));
    const archives = await registry.bytes.archives();
    const files = archives.filter(({ hash }) => !kept.has(hash)).map(({ hash, size }) => ({ hash, size }));
    const uploads = await surplusUploads(registry, tx, which);
    const expired = new Set(uploads.map(({ hash }) => hash));
    for (const { hash } of await tx.uploads()) if (!expired.has(hash)) kept.add(hash);
    const derived = await findDerivedSurplus(registry, tx, kept);
    const freed = freedBy([...uploads, ...files, ...derived], kept);
    return { versions, uploads, files, derived, freed, auditRecords: 0, deploys: 0, spared: false };
  });
}

/**
 * Removes surplus versions, expired uploads, archives that nothing names with what was made of them, and old audit
 * records. Each file is removed in a transaction of its own that looks again, so an `addver` of the same bytes is
 * never undone.
 */
export async function collect(registry: Registry, which: SurplusUploads = 'expired'): Promise<Surplus> {
  const removed = await registry.meta.write(async (tx) => {
    const versions = await surplusVersions(registry, tx);
    for (const { component, version } of versions) await tx.deleteVersion(component, version);
    return { versions, ...(await deleteOldRecords(registry, tx)) };
  });
  const deploys = removed.spared ? 0 : await deleteOldDeploys(registry);
  await boundAllHistory(registry);
  const uploads = await collectUploads(registry, which);
  const files = await collectFiles(registry);
  const derived = await collectDerived(registry);
  const freed = freedBy([...uploads, ...files, ...derived], await storedHashes(registry));
  await inSteps(async () => Number(await registry.meta.shrink()), registry.stopping);
  return { ...removed, deploys, uploads, files, derived, freed };
}

async function deleteOldRecords(
  registry: Registry,
  tx: MetaWriter,
): Promise<Pick<Surplus, 'auditRecords' | 'spared'>> {
  if (!registry.clockTrust.mayDelete()) return { auditRecords: 0, spared: true };
  const auditRecords = await tx.deleteAuditBefore(timestampBefore(registry, registry.limits.auditKeepMs));
  return { auditRecords, spared: false };
}

function deleteOldDeploys(registry: Registry): Promise<number> {
  const time = timestampBefore(registry, registry.limits.historyKeepMs);
  const step = () => registry.meta.write(({ fleet }) => fleet.deleteDeploysBefore(time));
  return inSteps(step, registry.stopping);
}

/** Each outcome holds the bounds; this is for bounds that were made less. */
async function boundAllHistory({ meta, limits, stopping }: Registry): Promise<void> {
  await inSteps(() => meta.write(({ fleet }) => boundHistory(fleet, limits.historySize)), stopping);
}

async function storedHashes({ bytes }: Registry): Promise<Set<string>> {
  return new Set([...(await bytes.archives()), ...(await bytes.uploads())].map(({ hash }) => hash));
}

async function surplusVersions(registry: Registry, tx: MetaReader): Promise<ComponentVersion[]> {
  const surplus: ComponentVersion[] = [];
  const keep = registry.limits.keepVersions;
  if (keep < 1) return surplus;
  for (const component of await tx.components()) {
    for (const version of (await tx.versions(component)).slice(0, -keep)) {
      const users = await tx.configurationsUsing(component, version.version);
      if (users.length === 0) surplus.push(version);
    }
  }
  return surplus;
}

async function surplusUploads(registry: Registry, tx: MetaReader, which: SurplusUploads): Promise<Upload[]> {
  const limit = timestampBefore(registry, registry.limits.uploadTtlMs);
  const all = await tx.uploads();
  const fresh = new Set(all.filter((upload) => upload.created >= limit).map((upload) => upload.hash));
  const surplus = all.filter(({ hash }) => !fresh.has(hash) && !registry.indexer.isAwaited(hash));
  if (which === 'expired' || registry.limits.unchecked) return surplus;
  for (const upload of all) {
    const { hash } = upload;
    if (fresh.has(hash) && registry.indexer.isInVain(hash, await tx.index(hash))) surplus.push(upload);
  }
  return surplus;
}

async function collectUploads(registry: Registry, which: SurplusUploads): Promise<Upload[]> {
  return registry.meta.write(async (tx) => {
    const expired = await surplusUploads(registry, tx, which);
    for (const { hash } of expired) {
      registry.indexer.drop(hash);
      await tx.deleteUpload(hash);
    }
    for (const { hash, mtime } of await registry.bytes.uploads()) {
      // Without a row: a crash between storing and recording, or just being recorded by somebody else.
      const settled = registry.clock().getTime() - mtime * 1000 > registry.limits.uploadTtlMs;
      const orphan = settled && !(await tx.hasUpload(hash));
      if (orphan || expired.some((upload) => upload.hash === hash)) await registry.bytes.removeUpload(hash);
    }
    return expired;
  });
}

/**
 * Forgets the uploads whose bytes are gone, as after a restore: they are in no backup. For the start, before anything is
 * uploaded. @returns how many.
 */
export async function forgetLostUploads({ meta, bytes }: Pick<Registry, 'meta' | 'bytes'>): Promise<number> {
  return meta.write(async (tx) => {
    const stored = new Set((await bytes.uploads()).map(({ hash }) => hash));
    const lost = new Set((await tx.uploads()).map(({ hash }) => hash).filter((hash) => !stored.has(hash)));
    for (const hash of lost) await tx.deleteUpload(hash);
    return lost.size;
  });
}

async function collectFiles(registry: Registry): Promise<StoredBlob[]> {
  const removed: StoredBlob[] = [];
  const used = new Set(await registry.meta.read((tx) => tx.archivesByUse()));
  for (const { hash, size } of await registry.bytes.archives()) {
    if (used.has(hash)) continue;
    await registry.meta.write(async (tx) => {
      if (await tx.isArchiveUsed(hash)) return;
      await registry.bytes.remove(hash);
      removed.push({ hash, size });
    });
  }
  return removed;
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
