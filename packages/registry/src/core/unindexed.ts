import type { DerivedKind } from '../layers/derived-store.js';
import type { ArchiveIndex, IndexedArchive } from '../meta/meta-store.js';
import type { Registry } from './registry.js';

/**
 * Stored archives that versions name and that have no manifest, or whose manifest or pack is gone: those that
 * configurations use first, then the newest first. One that was refused stays refused, but for a limit that it
 * exceeded before a time: limits may have changed since.
 * @param since RFC 3339 UTC.
 */
export async function findUnindexed(registry: Registry, since: string): Promise<readonly string[]> {
  const { named, indexes } = await registry.meta.read(async (tx) => ({
    named: await tx.archivesByUse(),
    indexes: await tx.indexes(),
  }));
  const known = new Map(indexes.map((index) => [index.archive.hash, index]));
  const archives = new Set((await registry.bytes.archives()).map(({ hash }) => hash));
  const stored = { manifest: await sizesOf(registry, 'manifest'), pack: await sizesOf(registry, 'pack') };
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

async function sizesOf(registry: Registry, kind: DerivedKind): Promise<Sizes> {
  return new Map((await registry.derived.list(kind)).map(({ hash, size }) => [hash, size]));
}
