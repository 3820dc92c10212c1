import { mkdirSync, realpathSync } from 'node:fs';
import { byteName } from '@deploy-tools/shared/archive/byte-name.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import { syncTree as flushTree } from '../../host/sync-filesystem.js';
import { HeldDirectory, withNames } from '../../release/unpack/held-directory.js';
import { copyTree } from '../../release/unpack/run-tree-task.js';
import { ClosedDirectory, removeClosed } from './closed-directory.js';
import { needsRsync, runRsync } from './run-rsync.js';
import type { SyncCounts, SyncRequest } from './sync-request.js';

/** Only such a directory can be renamed into another one by its owner. */
const OWNER_MAY_WRITE = 0o200;

/** Where a copy is made, and what becomes of it. */
export interface CopyPlace {
  readonly dir: HeldDirectory;
  /** Of the closed directory's name. */
  readonly prefix: string;
  /** Gives the copy, of which it gets a path, its name. */
  readonly place: (tree: string) => void;
}

/**
 * Copies the source, without what the rules leave out (which rsync(1) knows), into a fresh directory that is closed to others, and
 * hands that on. Whatever goes wrong, it is removed again; what a process that was killed left of the same kind is removed first.
 */
export async function copyBeside(
  sync: SyncRequest,
  { dir, prefix, place }: CopyPlace,
  signal: AbortSignal,
): Promise<SyncCounts> {
  await removeClosed(dir, prefix);
  const closed = new ClosedDirectory(dir, prefix);
  try {
    return await copyInto(sync, { tree: closed.at('tree'), place }, signal);
  } finally {
    await closed.remove().catch((error: unknown) => {
      sync.log(`what is left of a copy for ${sync.to} could not be removed: ${describeError(error)}`);
    });
  }
}

/** @param tree where nothing is yet, in a closed directory. */
async function copyInto(
  sync: SyncRequest,
  { tree, place }: { readonly tree: string; readonly place: CopyPlace['place'] },
  signal: AbortSignal,
): Promise<SyncCounts> {
  mkdirSync(tree, { mode: 0o700 });
  const held = new HeldDirectory(byteName(tree));
  try {
    const counts = await copied(sync, tree, signal);
    const mode = sync.destMode | OWNER_MAY_WRITE;
    held.chmod(mode); // rsync(1) gave it that of the source
    if (sync.durable !== false) await flushTree(realpathSync(tree));
    place(tree);
    if (mode !== sync.destMode) closeToOwner(held, sync);
    return counts;
  } catch (error) {
    throw withNames(error);
  } finally {
    held.close();
  }
}

/** What has its name already gets its mode, and that on the disk too. */
function closeToOwner(held: HeldDirectory, { destMode, durable }: SyncRequest): void {
  held.chmod(destMode);
  if (durable !== false) syncDirectory(held.self);
}

async function copied(sync: SyncRequest, to: string, signal: AbortSignal): Promise<SyncCounts> {
  if (needsRsync({ ...sync, strategy: 'mv' })) return await runRsync({ ...sync, to }, signal);
  return { deleted: 0, ...(await copyTree({ from: sync.from, to, rootMode: sync.destMode }, signal)) };
}
