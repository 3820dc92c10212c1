import { randomBytes } from 'node:crypto';
import { renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { namesIn } from '@deploy-tools/shared/host/names-in.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { removeTree } from '../release/unpack/run-tree-task.js';
import { inodeOf, readPlaced, writePlaced } from './placed-record.js';

interface Replacement {
  /** The destination, of strategy `mv`. */
  readonly to: string;
  /** Path of the record of the last sync. */
  readonly placed: string;
  readonly log: Logger;
}

/**
 * Moves the release at a destination aside while a sync puts an earlier one there. If the sync fails, the release gets its name again;
 * else it is removed.
 */
export async function replaceDestination<T>(
  { to, placed: recordPath, log }: Replacement,
  sync: () => Promise<T>,
): Promise<T> {
  const placed = readPlaced(recordPath);
  if (placed?.to !== to || placed.inode !== inodeOf(to) || placed.inode === '') return await sync();
  const aside = join(dirname(to), `.${basename(to)}.old-${randomBytes(6).toString('hex')}`);
  renameSync(to, aside);
  let stats: T;
  try {
    stats = await sync();
  } catch (error) {
    renameSync(aside, to);
    writePlaced(recordPath, placed);
    throw error;
  }
  try {
    // Another user who may write to the parent directory may have exchanged it.
    if (inodeOf(aside) !== placed.inode)
      throw new DeployError('unsafe', 'another user has exchanged it', { hint: 'look what it is' });
    await removeTree(aside);
  } catch (error) {
    log.warn({ path: aside, err: describeError(error) }, 'cannot remove the replaced destination');
  }
  return stats;
}

/** Absolute paths of the replaced destinations that killed agents left. */
export function replacedAt(to: string): string[] {
  const [dir, prefix] = [dirname(to), `.${basename(to)}.old-`];
  return namesIn(dir)
    .filter((name) => name.startsWith(prefix) && /^[0-9a-f]{12}$/.test(name.slice(prefix.length)))
    .map((name) => join(dir, name));
}
