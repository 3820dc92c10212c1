import { describeError } from '@deploy-tools/shared/errors.js';
import type { ByteStore } from '../layers/byte-store.js';
import type { DerivedStore } from '../layers/derived-store.js';
import type { MetaStore } from '../meta/meta-store.js';
import type { Problem } from './fsck-problems.js';
import type { Indexer } from './indexer.js';

export interface RepairPorts {
  readonly meta: MetaStore;
  readonly bytes: ByteStore;
  readonly derived: DerivedStore;
  readonly indexer: Pick<Indexer, 'drop' | 'renew'>;
}

/** The file that has a problem, and its archive. */
interface Subject {
  readonly hash: string;
  readonly archive: string;
  /** Whether an upload with this hash was read and is undamaged. */
  readonly hasGoodUpload: boolean;
}

/** Repairs a problem as its row in PROBLEMS says. @returns the reason why it failed; undefined when it was repaired. */
export async function repairProblem(
  ports: RepairPorts,
  problem: Problem,
  { hash, archive, hasGoodUpload }: Subject,
): Promise<string | undefined> {
  try {
    switch (problem) {
      case 'archive missing':
      case 'archive damaged':
        return await replaceArchive(ports, hash, hasGoodUpload);
      case 'upload missing':
      case 'upload damaged':
        return await removeUpload(ports, hash, problem === 'upload missing');
      case 'nothing names it':
        return await removeUnnamed(ports, hash);
      default: {
        const index = await ports.indexer.renew(archive, 'awaited');
        return index.kind === 'indexed' ? undefined : index.reason.message;
      }
    }
  } catch (error) {
    return describeError(error);
  }
}

function replaceArchive(
  { meta, bytes }: RepairPorts,
  hash: string,
  hasGoodUpload: boolean,
): Promise<string | undefined> {
  return meta.write(async (tx) => {
    if (!hasGoodUpload || !(await tx.hasUpload(hash))) {
      return 'upload the same file again, then run fsck -repair';
    }
    await bytes.remove(hash);
    await bytes.promote(hash);
    return undefined;
  });
}

function removeUpload(
  { meta, bytes, indexer }: RepairPorts,
  hash: string,
  isMissing: boolean,
): Promise<undefined> {
  return meta.write(async (tx) => {
    if (isMissing && (await bytes.locate('upload', hash)) !== undefined) return undefined; // uploaded again meanwhile
    indexer.drop(hash);
    await tx.deleteUpload(hash);
    await bytes.removeUpload(hash);
    return undefined;
  });
}

function removeUnnamed({ meta, bytes, derived }: RepairPorts, hash: string): Promise<undefined> {
  return meta.write(async (tx) => {
    if (!(await tx.isArchiveUsed(hash)) && !(await tx.hasUpload(hash))) await bytes.remove(hash);
    if (await tx.isIndexFileUsed(hash)) return undefined;
    for (const kind of ['manifest', 'pack'] as const) await derived.remove(kind, hash);
    return undefined;
  });
}
