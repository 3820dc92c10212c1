import type { DerivedKind } from '../layers/derived-store.js';
import type { ArchiveIndex, MetaReader, MetaWriter, StoredBlob } from '../meta/meta-store.js';
import type { Registry } from './registry.js';

/** A manifest or a pack that no index names. */
export interface SurplusDerived extends StoredBlob {
  readonly kind: DerivedKind;
}

/** What {@link collectDerived} would remove, when only these archives and uploads were left. */
export async function findDerivedSurplus(
  registry: Registry,
  tx: MetaReader,
  left: ReadonlySet<string>,
): Promise<SurplusDerived[]> {
  const indexes = await tx.indexes();
  return findUnnamed(
    registry,
    indexes.filter(({ archive }) => left.has(archive.hash)),
  );
}

/** Forgets the indexes of archives and uploads that are gone, then removes the manifests and packs that none names. */
export async function collectDerived(registry: Registry): Promise<SurplusDerived[]> {
  const left = await registry.meta.write(forgetIndexes);
  const removed: SurplusDerived[] = [];
  for (const surplus of await findUnnamed(registry, left)) {
    await registry.meta.write(async (tx) => {
      if (await tx.isIndexFileUsed(surplus.hash)) return;
      await registry.derived.remove(surplus.kind, surplus.hash);
      removed.push(surplus);
    });
  }
  return removed;
}

/** @returns the indexes that stay. An archive that is lost keeps its own: agents can still build on its pack. */
async function forgetIndexes(tx: MetaWriter): Promise<readonly ArchiveIndex[]> {
  const named = new Set(await tx.archivesByUse());
  for (const { hash } of await tx.uploads()) named.add(hash);
  const indexes = await tx.indexes();
  for (const { archive } of indexes) if (!named.has(archive.hash)) await tx.deleteIndex(archive.hash);
  return indexes.filter(({ archive }) => named.has(archive.hash));
}

/** The manifests and packs that none of these indexes names. */
export async function findUnnamed(
  registry: Registry,
  indexes: readonly ArchiveIndex[],
): Promise<SurplusDerived[]> {
  const named = new Set<string>();
  for (const index of indexes) {
    if (index.kind === 'indexed') named.add(index.manifest.hash).add(index.pack.hash);
  }
  const surplus: SurplusDerived[] = [];
  for (const kind of ['manifest', 'pack'] as const) {
    for (const { hash, size } of await registry.derived.list(kind)) {
      if (!named.has(hash)) surplus.push({ kind, hash, size });
    }
  }
  return surplus;
}
