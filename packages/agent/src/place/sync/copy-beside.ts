import { mkdirSync, realpathSync } from 'node:fs';
import { byteName } from '@deploy-tools/shared/archive/byte-name.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import { syncTree as flushTree } from '../../host/sync-filesystem.js';
import { HeldDirectory, withNames } from '../../release/unpack/held-directory.js';
import { copyTree } from '../../release/unpack/run-tree-task.js';
import { freshClosed } from './closed-directory.js';
import { needsRsync, runRsync } from './run-rsync.js';
import type { SyncCounts, SyncRequest } from './sync-request.js';

/** An owner can rename a directory to another parent only with this permission on it. */
const OWNER_MAY_WRITE = 0o200;

export interface CopyPlace {
  readonly dir: HeldDirectory;
  /** Of the closed directory's name. */
  readonly prefix: string;
  /** Gives the copy its name. @param tree path of the copy. */
  readonly place: (tree: string) => void;
}

/**
 * Copies the source into a fresh closed directory and gives the copy its name. rsync(1) copies where rules leave something out. After a
 * failure the copy is removed.
 */
export async function copyBeside(
  sync: SyncRequest,
  { dir, prefix, place }: CopyPlace,
  signal: AbortSignal,
): Promise<SyncCounts> {
  const closed = await freshClosed(dir, prefix);
  try {
    return await copyInto(sync, { tree: closed.at('tree'), place }, signal);
  } finally {
    await closed.remove().catch((error: unknown) => {
      sync.log(`a temporary copy for ${sync.to} could not be removed: ${describeError(error)}`);
    });
  }
}

/** @param tree a free path in a closed directory. */
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
    held.chmod(mode); // rsync(1) gave it the mode of the source.
    if (sync.durable !== false) await flushTree(realpathSync(tree));
    place(tree);
    if (mode !== sync.destMode) {
      held.chmod(sync.destMode);
      if (sync.durable !== false) syncDirectory(held.self);
    }
    return counts;
  } catch (error) {
    throw withNames(error);
  } finally {
    held.close();
  }
}

async function copied(sync: SyncRequest, to: string, signal: AbortSignal): Promise<SyncCounts> {
  if (needsRsync({ ...sync, strategy: 'mv' })) return await runRsync({ ...sync, to }, signal);
  return { deleted: 0, ...(await copyTree({ from: sync.from, to, rootMode: sync.destMode }, signal)) };
}
