import type { ByteStore } from '../layers/byte-store.js';
import type { DerivedKind, DerivedStore } from '../layers/derived-store.js';
import type { ArchiveIndex, IndexedArchive, MetaStore } from '../meta/meta-store.js';

export interface UnindexedPorts {
  readonly meta: Pick<MetaStore, 'read'>;
  readonly bytes: Pick<ByteStore, 'archives'>;
  readonly derived: Pick<DerivedStore, 'list'>;
}

/**
 * Finds stored archives that versions name and that have no manifest, or whose manifest or pack is missing: those that
 * configurations use first, then the newest first. A refused archive is left out, unless it exceeded a limit before
 * `since`: limits may have changed.
 * @param since RFC 3339 UTC.
 */
export async function findUnindexed(
  { meta, bytes, derived }: UnindexedPorts,
  since: string,
): Promise<readonly string[]> {
  const { named, indexes } = await meta.read(async (tx) => ({
    named: await tx.archivesByUse(),
    indexes: await tx.indexes(),
  }));
  const known = new Map(indexes.map((index) => [index.archive.hash, index]));
  const archives = new Set((await bytes.archives()).map(({ hash }) => hash));
  const stored = { manifest: await sizesOf(derived, 'manifest'), pack: await sizesOf(derived, 'pack') };
  return named.filter((hash) => archives.has(hash) && !isSettled(known.get(hash), stored, since));
}

type Sizes = ReadonlyMap<string, number>;

function isSettled(
  index: ArchiveIndex | undefined,
  stored: Readonly<Record<DerivedKind, Sizes>>,
  since: string,
): boolean {
  if (index === undefined) return false;
  if (index.kind === 'refused') return index.reason.kind !== 'too-large' || index.made >= since;
  return isThere(index, stored);
}

function isThere(index: IndexedArchive, stored: Readonly<Record<DerivedKind, Sizes>>): boolean {
  const { manifest, pack } = index;
  return stored.manifest.get(manifest.hash) === manifest.size && stored.pack.get(pack.hash) === pack.size;
}

async function sizesOf(derived: Pick<DerivedStore, 'list'>, kind: DerivedKind): Promise<Sizes> {
  return new Map((await derived.list(kind)).map(({ hash, size }) => [hash, size]));
}
