import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { syncTree as flushTree } from '../host-sync.js';
import { chmodDirectory } from '../unpack/held-directory.js';
import { checkDestination } from './check-destination.js';
import { runRsync } from './run-rsync.js';
import type { SyncRequest, SyncStats } from './sync-request.js';

/** Makes the destination like the source, by rsync(1). */
export async function rsyncInto(sync: SyncRequest, signal: AbortSignal): Promise<SyncStats> {
  const { to, destMode, durable } = sync;
  checkDestination(to, 'rsync');
  if (statSync(to, { throwIfNoEntry: false }) === undefined) mkdirSync(to, { mode: destMode });
  const root = realpathSync(to);
  try {
    const counts = await runRsync({ ...sync, to: root }, signal);
    chmodDirectory(root, destMode); // rsync(1) gave it that of the source
    if (durable !== false) await flushTree(root);
    return { ...counts, root };
  } catch (error) {
    const { kind, message, hint } = toDeployError(error);
    const state = `${to} may be partly synced: each file in it is whole, new or old`;
    throw new DeployError(kind, `${message}; ${state}`, {
      hint: hint === undefined ? 'syncing again completes it' : `${hint}; syncing again completes it`,
      cause: error,
    });
  }
}
