import { describeError } from '@deploy-tools/shared/errors.js';
import type { Problem } from './fsck-problems.js';
import type { Registry } from './registry.js';

/** What a problem is about: a file, and the archive that it is or was made of. */
interface Subject {
  readonly hash: string;
  readonly archive: string;
}

/**
 * Does what the problem's row in PROBLEMS says.
 * @param goodUploads those that are what their hash says.
 * @returns why it could not be done, or undefined when it was.
 */
export async function repairProblem(
  registry: Registry,
  problem: Problem,
  subject: Subject,
  goodUploads: ReadonlySet<string>,
): Promise<string | undefined> {
  try {
    switch (problem) {
      case 'archive missing':
      case 'archive damaged':
        return await restoreArchive(registry, subject.hash, goodUploads);
      case 'upload missing':
      case 'upload damaged':
        return await removeUpload(registry, subject.hash, problem === 'upload missing');
      case 'nothing names it':
        return await removeUnnamed(registry, subject.hash);
      default:
        return await indexAgain(registry, subject.archive);
    }
  } catch (error) {
    return describeError(error);
  }
}

async function restoreArchive(
  registry: Registry,
  hash: string,
  goodUploads: ReadonlySet<string>,
): Promise<string | undefined> {
  return registry.meta.write(async (tx) => {
    if (!goodUploads.has(hash) || !(await tx.hasUpload(hash))) {
      return 'upload the same file again, then run fsck -repair';
    }
    await registry.bytes.remove(hash);
    await registry.bytes.promote(hash);
    return undefined;
  });
}

async function removeUpload(registry: Registry, hash: string, missing: boolean): Promise<undefined> {
  await registry.meta.write(async (tx) => {
    if (missing && (await registry.bytes.locate('upload', hash)) !== undefined) return; // sent again meanwhile
    registry.indexer.drop(hash);
    await tx.deleteUpload(hash);
    await registry.bytes.removeUpload(hash);
  });
}

async function removeUnnamed(registry: Registry, hash: string): Promise<undefined> {
  await registry.meta.write(async (tx) => {
    if (!(await tx.isArchiveUsed(hash)) && !(await tx.hasUpload(hash))) await registry.bytes.remove(hash);
    if (await tx.isIndexFileUsed(hash)) return;
    for (const kind of ['manifest', 'pack'] as const) await registry.derived.remove(kind, hash);
  });
}

async function indexAgain(registry: Registry, archive: string): Promise<string | undefined> {
  const index = await registry.indexer.renew(archive, 'awaited');
  return index.kind === 'indexed' ? undefined : index.reason.message;
}
