import type { StoredBlob } from '@deploy-tools/shared/model.js';
import type { DerivedKind, DerivedStore } from '../layers/derived-store.js';
import type { ArchiveIndex, MetaStore, MetaWriter } from '../meta/meta-store.js';

/** A manifest or a pack that no index names. */
export interface SurplusDerived extends StoredBlob {
  readonly kind: DerivedKind;
}

export interface DerivedPorts {
  readonly meta: MetaStore;
  readonly derived: DerivedStore;
}

/** Deletes indexes of removed archives and uploads, then the manifests and packs that no index names. */
export async function collectDerived(ports: DerivedPorts): Promise<SurplusDerived[]> {
  const { meta, derived } = ports;
  const left = await meta.write(deleteUnusedIndexes);
  const removed: SurplusDerived[] = [];
  for (const surplus of await findUnnamed(ports, left)) {
    await meta.write(async (tx) => {
      if (await tx.isIndexFileUsed(surplus.hash)) return;
      await derived.remove(surplus.kind, surplus.hash);
      removed.push(surplus);
    });
  }
  return removed;
}

/** @returns the indexes that stay. A lost archive keeps its index: agents can still use its pack. */
async function deleteUnusedIndexes(tx: MetaWriter): Promise<readonly ArchiveIndex[]> {
  const named = new Set(await tx.archivesByUse());
  for (const { hash } of await tx.uploads()) named.add(hash);
  const indexes = await tx.indexes();
  for (const { archive } of indexes) if (!named.has(archive.hash)) await tx.deleteIndex(archive.hash);
  return indexes.filter(({ archive }) => named.has(archive.hash));
}

/** The manifests and packs that none of these indexes names. */
export async function findUnnamed(
  { derived }: Pick<DerivedPorts, 'derived'>,
  indexes: readonly ArchiveIndex[],
): Promise<SurplusDerived[]> {
  const named = new Set<string>();
  for (const index of indexes) {
    if (index.kind === 'indexed') named.add(index.manifest.hash).add(index.pack.hash);
  }
  const surplus: SurplusDerived[] = [];
  for (const kind of ['manifest', 'pack'] as const) {
    for (const { hash, size } of await derived.list(kind)) {
      if (!named.has(hash)) surplus.push({ kind, hash, size });
    }
  }
  return surplus;
}
