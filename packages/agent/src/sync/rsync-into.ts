import { chmodSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { syncTree as flushTree } from '../host-sync.js';
import { type CheckedSync, checkDestination } from './check-destination.js';
import { runMirror } from './run-mirror.js';
import { findRsync, runRsync } from './run-rsync.js';
import type { SyncCounts, SyncStats } from './sync-request.js';

/** Makes the destination like the source: by rsync(1) where it is installed, by ourselves where it is not. */
export async function rsyncInto(sync: CheckedSync, signal: AbortSignal): Promise<SyncStats> {
  const { to, destMode, durable } = sync;
  checkDestination(to, 'rsync');
  if (statSync(to, { throwIfNoEntry: false }) === undefined) mkdirSync(to, { mode: destMode });
  const root = realpathSync(to);
  try {
    const counts = await filled({ ...sync, to: root }, signal);
    chmodSync(root, destMode); // rsync(1) gave it that of the source
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

async function filled(sync: CheckedSync, signal: AbortSignal): Promise<SyncCounts> {
  const program = findRsync(process.env.PATH);
  if (program !== undefined) return await runRsync(program, sync, signal);
  const { from, to, rules, destMode, verbose, log } = sync;
  const task = { from, to, rules, rootMode: destMode, compare: sync.compare ?? 'times', verbose };
  return await runMirror(task, log, signal);
}
