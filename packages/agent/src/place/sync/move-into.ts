import { realpathSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errnoOf, toDeployError } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import { syncTree as flushTree } from '../../host/sync-filesystem.js';
import { chmodDirectory, type HeldDirectory } from '../../release/unpack/held-directory.js';
import { removeTree } from '../../release/unpack/run-tree-task.js';
import { checkDestination } from './check-destination.js';
import { copyBeside } from './copy-beside.js';
import { needsRsync } from './run-rsync.js';
import type { SyncRequest, SyncStats } from './sync-request.js';

/**
 * Gives the source the destination's name, which has to be free. A copy gets the name instead, and the source is removed last, where
 * they are on different file systems, something is to be left out, or the source is to stay.
 */
export async function moveInto(
  sync: SyncRequest,
  parent: HeldDirectory,
  signal: AbortSignal,
): Promise<SyncStats> {
  const { from, to, keepSource, durable } = sync;
  const place = (tree: string) => placeAt(sync, parent, tree);
  if (keepSource !== true && !needsRsync({ ...sync, strategy: 'mv' })) {
    if (durable !== false) await flushTree(realpathSync(from));
    if (hasMoved(sync, place)) return { files: 0, deleted: 0, bytes: 0, root: to };
  }
  const counts = await copyBeside(sync, { dir: parent, prefix: `.${basename(to)}.new-`, place }, signal);
  if (keepSource !== true) await removeSource(sync);
  return { ...counts, root: to };
}

/** @returns false where the source is on another file system. */
function hasMoved({ from, destMode }: SyncRequest, place: (tree: string) => void): boolean {
  try {
    chmodDirectory(from, destMode);
    place(from);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EXDEV') return false;
    throw error;
  }
}

/** Gives a tree the destination's name. Checks it once more right before: rename(2) would replace an empty directory. */
function placeAt({ to, beforeRename }: SyncRequest, parent: HeldDirectory, tree: string): void {
  checkDestination(to, 'mv');
  beforeRename?.(tree);
  renameSync(tree, join(parent.self, basename(to)));
  syncDirectory(parent.self);
}

/** Removes the source. A failure is only logged: the destination is complete. */
async function removeSource({ from, to, log }: SyncRequest): Promise<void> {
  try {
    await removeTree(from);
  } catch (error) {
    log(`${to} is complete, but ${from} could not be removed: ${toDeployError(error).message}`);
  }
}
