import { realpathSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errnoOf, rewordError, toDeployError } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import { syncTree as flushTree } from '../../host/sync-filesystem.js';
import { chmodDirectory, type HeldDirectory, withNames } from '../../release/unpack/held-directory.js';
import { removeTree } from '../../release/unpack/run-tree-task.js';
import { checkDestination } from './check-destination.js';
import { copyBeside } from './copy-beside.js';
import { holdParent } from './destination-parent.js';
import { needsRsync } from './run-rsync.js';
import type { SyncCounts, SyncRequest, SyncStats } from './sync-request.js';

/**
 * Gives the source the destination's name, which has to be free. Across file systems, and where something is to be
 * left out or the source is to stay, a copy beside gets the name, and the source is removed last.
 */
export async function moveInto(sync: SyncRequest, signal: AbortSignal): Promise<SyncStats> {
  const { to } = sync;
  const parent = holdParent(to);
  try {
    checkDestination(to, 'mv');
    return { ...(await moved(sync, parent, signal)), root: to };
  } catch (error) {
    throw rewordError(withNames(error), (message) => `${message}; nothing was moved`);
  } finally {
    parent.close();
  }
}

async function moved(sync: SyncRequest, parent: HeldDirectory, signal: AbortSignal): Promise<SyncCounts> {
  const { from, to, keepSource, durable } = sync;
  const place = (tree: string) => placeAt(sync, parent, tree);
  if (keepSource !== true && !needsRsync({ ...sync, strategy: 'mv' })) {
    if (durable !== false) await flushTree(realpathSync(from));
    if (hasMoved(sync, place)) return { files: 0, deleted: 0, bytes: 0 };
  }
  const counts = await copyBeside(sync, { dir: parent, prefix: `.${basename(to)}.new-`, place }, signal);
  if (keepSource !== true) await removeSource(sync);
  return counts;
}

/** @returns false when it is on another file system. */
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

/** Looks again right before: rename(2) would replace an empty directory. */
function placeAt({ to, beforeRename }: SyncRequest, parent: HeldDirectory, tree: string): void {
  checkDestination(to, 'mv');
  beforeRename?.(tree);
  renameSync(tree, join(parent.self, basename(to)));
  syncDirectory(parent.self);
}

/** The destination is complete: what is left of the source fails nothing any more. */
async function removeSource({ from, to, log }: SyncRequest): Promise<void> {
  try {
    await removeTree(from);
  } catch (error) {
    log(`${to} is complete, but ${from} could not be removed: ${toDeployError(error).message}`);
  }
}
