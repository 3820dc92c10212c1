import type { ByteStore } from '../layers/byte-store.js';
import type { DerivedStore } from '../layers/derived-store.js';
import type { ArchiveIndex, MetaStore } from '../meta/meta-store.js';
import { isIndexStored } from './index-archive.js';

export interface UnindexedPorts {
  readonly meta: Pick<MetaStore, 'read'>;
  readonly bytes: Pick<ByteStore, 'archives'>;
  readonly derived: Pick<DerivedStore, 'stat'>;
}

/**
 * Finds stored archives of versions that have no manifest, or whose manifest or pack is missing: first those that
 * configurations use, then the newest. A refused archive is found only when it exceeded a limit before `since`, because limits
 * may have changed.
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
  const unindexed: string[] = [];
  for (const hash of named) {
    if (archives.has(hash) && !(await isSettled(derived, known.get(hash), since))) unindexed.push(hash);
  }
  return unindexed;
}

async function isSettled(
  derived: UnindexedPorts['derived'],
  index: ArchiveIndex | undefined,
  since: string,
): Promise<boolean> {
  if (index?.kind === 'refused') return index.reason.kind !== 'too-large' || index.made >= since;
  return index !== undefined && (await isIndexStored(derived, index));
}
