import { chmodSync, renameSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { DeployError, errnoOf, toDeployError } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import { syncTree as flushTree } from '../host-sync.js';
import { removeTree } from '../unpack/remove-tree.js';
import { checkDestination } from './check-destination.js';
import { copyBeside } from './copy-beside.js';
import { needsRsync } from './run-rsync.js';
import type { SyncRequest, SyncStats } from './sync-request.js';

/**
 * Gives the source the destination's name, which has to be free. Across file systems, and where something is to be
 * left out or the source is to stay, a copy beside gets the name, and the source is removed last.
 */
export async function moveInto(sync: SyncRequest, signal: AbortSignal): Promise<SyncStats> {
  const { from, to, keepSource, durable } = sync;
  const none = { files: 0, deleted: 0, bytes: 0, root: to };
  try {
    checkDestination(to, 'mv');
    if (keepSource !== true && !needsRsync({ ...sync, strategy: 'mv' })) {
      if (durable !== false) await flushTree(from);
      if (moved(sync)) return none;
    }
    const place = (fresh: string) => placeAt(sync, fresh);
    const counts = await copyBeside(sync, dirname(to), `.${basename(to)}.new-`, place, signal);
    if (keepSource !== true) await removeSource(sync);
    return { ...counts, root: to };
  } catch (error) {
    const { kind, message, hint } = toDeployError(error);
    const more = hint === undefined ? {} : { hint };
    throw new DeployError(kind, `${message}; nothing was moved`, { ...more, cause: error });
  }
}

/** @returns false when it is on another file system. */
function moved(sync: SyncRequest): boolean {
  const { from, destMode } = sync;
  try {
    chmodSync(from, destMode);
    placeAt(sync, from);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EXDEV') return false;
    throw error;
  }
}

/** Looks again right before: rename(2) would replace an empty directory. */
function placeAt({ to, beforeRename }: SyncRequest, path: string): void {
  checkDestination(to, 'mv');
  beforeRename?.(path);
  renameSync(path, to);
  syncDirectory(dirname(to));
}

/** The destination is complete: what is left of the source fails nothing any more. */
async function removeSource({ from, to, log }: SyncRequest): Promise<void> {
  try {
    await removeTree(from, new AbortController().signal);
  } catch (error) {
    log(`${to} is complete, but ${from} could not be removed: ${toDeployError(error).message}`);
  }
}
