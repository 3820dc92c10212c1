import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { syncTree as flushTree } from '../host-sync.js';
import { removeTree } from '../unpack/remove-tree.js';
import type { CheckedSync } from './check-destination.js';
import { runMirror } from './run-mirror.js';
import type { SyncCounts } from './sync-request.js';

/**
 * Copies the source, without what the rules leave out, into a fresh directory, and hands that on. Whatever goes wrong, the
 * directory is removed again; what a process that was killed left of the same kind is removed first.
 * @param prefix of the directory's name.
 * @param place gives the copy its name.
 */
export async function copyBeside(
  sync: CheckedSync,
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
    const { from, rules, destMode, verbose, log } = sync;
    const task = { from, to: fresh, rules, rootMode: destMode, compare: 'times', verbose } as const;
    const counts = await runMirror(task, log, signal);
    if (sync.durable !== false) await flushTree(fresh);
    place(fresh);
    return counts;
  } catch (error) {
    await removeTree(fresh, never);
    throw error;
  }
}
