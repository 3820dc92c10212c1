import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { syncTree as flushTree } from '../host-sync.js';
import { copyTree } from '../unpack/copy-tree.js';
import { chmodDirectory } from '../unpack/held-directory.js';
import { removeTree } from '../unpack/remove-tree.js';
import { needsRsync, runRsync } from './run-rsync.js';
import type { SyncCounts, SyncRequest } from './sync-request.js';

/**
 * Copies the source, without what the rules leave out (which rsync(1) knows), into a fresh directory, and hands that on. Whatever goes wrong, the
 * directory is removed again; what a process that was killed left of the same kind is removed first.
 * @param prefix of the directory's name.
 * @param place gives the copy its name.
 */
export async function copyBeside(
  sync: SyncRequest,
  dir: string,
  prefix: string,
  place: (fresh: string) => void,
  signal: AbortSignal,
): Promise<SyncCounts> {
  const never = new AbortController().signal;
  for (const name of readdirSync(dir)) {
    if (name.startsWith(prefix)) await removeTree(join(dir, name), never);
  }
  const fresh = join(dir, `${prefix}${randomBytes(6).toString('hex')}`);
  mkdirSync(fresh, { mode: 0o700 });
  try {
    const counts = await copied(sync, fresh, signal);
    if (sync.durable !== false) await flushTree(fresh);
    place(fresh);
    return counts;
  } catch (error) {
    await removeTree(fresh, never);
    throw error;
  }
}

async function copied(sync: SyncRequest, fresh: string, signal: AbortSignal): Promise<SyncCounts> {
  const { from, destMode } = sync;
  if (!needsRsync({ ...sync, strategy: 'mv' }))
    return { deleted: 0, ...(await copyTree({ from, to: fresh, rootMode: destMode }, signal)) };
  const counts = await runRsync({ ...sync, to: fresh }, signal);
  chmodDirectory(fresh, destMode); // rsync(1) gave it that of the source
  return counts;
}
