import { mkdirSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { byteName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import { syncTree as flushTree } from '../../host/sync-filesystem.js';
import { HeldDirectory, withNames } from '../../release/unpack/held-directory.js';
import { checkDestination } from './check-destination.js';
import { holdParent, isOursAlone } from './destination-parent.js';
import { runRsync } from './run-rsync.js';
import type { SyncRequest, SyncStats } from './sync-request.js';

/** Makes the destination like the source, by rsync(1). */
export async function rsyncInto(sync: SyncRequest, signal: AbortSignal): Promise<SyncStats> {
  const { to, destMode, durable } = sync;
  checkDestination(to, 'rsync');
  const held = holdDestination(sync);
  try {
    const root = realpathSync(held.self);
    const counts = await runRsync({ ...sync, to: held.self }, signal);
    held.chmod(destMode); // rsync(1) gave it that of the source
    if (durable !== false) await flushTree(root);
    return { ...counts, root };
  } catch (error) {
    const { kind, message, hint } = withNames(error);
    const state = `${to} may be partly synced: each file in it is whole, new or old`;
    throw new DeployError(kind, `${message}; ${state}`, {
      hint: hint === undefined ? 'syncing again completes it' : `${hint}; syncing again completes it`,
      cause: error,
    });
  } finally {
    held.close();
  }
}

/** Through a symlink only where nobody else can have made it. */
function holdDestination({ to, destMode }: SyncRequest): HeldDirectory {
  const parent = holdParent(to);
  try {
    const path = join(parent.self, basename(to));
    makeUnlessThere(path, destMode);
    return new HeldDirectory(byteName(isOursAlone(parent.stats) ? realpathSync(path) : path));
  } finally {
    parent.close();
  }
}

function makeUnlessThere(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}
