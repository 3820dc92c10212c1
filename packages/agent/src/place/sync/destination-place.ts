import { createHash } from 'node:crypto';
import { accessSync, constants, lstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { makeDirectory } from '@deploy-tools/shared/host/make-directory.js';
import { holdParent } from './check-destination.js';
import { type ClosedDirectory, freshClosed } from './closed-directory.js';
import { directoriesOf, realDestination, realName, releasesOf } from './destination-paths.js';
import type { SyncRequest } from './sync-request.js';

const LOCK = 'deploy-lock';

/** The paths of lock files and temporary directories for a destination. */
export interface DestinationPlace {
  /**
   * Absolute paths of the lock files, in the order in which every process locks them: one for the destination's name, and one for the
   * directory that a symlink of this name leads to.
   */
  readonly locks: readonly string[];
  /** Absolute path, to which the name of a temporary directory adds random characters. */
  readonly prefix: string;
}

/**
 * Finds the paths beside the destination, so that a rename is enough to get there; or, where we may not write beside it, in a directory
 * of our user in the system's temporary directory. Makes missing directories above (0755). Two names of one destination have at least
 * one lock in common.
 * @throws system errors; DeployError unsafe when another user owns that directory.
 */
export function destinationPlace(destination: Pick<SyncRequest, 'to' | 'strategy'>): DestinationPlace {
  const plain = releasesOf(realName(destination.to));
  const places = directoriesOf(destination).filter((directory) => directory !== plain);
  const locks = places.map((path) => placeBeside(path).lock);
  return { locks: locks.sort(), prefix: placeBeside(realDestination(destination)).prefix };
}

/** Absolute paths of the possible lock files of a destination that writes to this directory. */
export function locksFor(path: string): string[] {
  return [besideIn(dirname(path), path).lock, temporaryIn(temporaryDirectory(), path).lock];
}

/** Makes a closed directory there. The lock of the destination has to be held. */
export async function freshBeside({ prefix }: DestinationPlace): Promise<ClosedDirectory> {
  const parent = holdParent(prefix);
  try {
    return await freshClosed(parent, basename(prefix));
  } finally {
    parent.close();
  }
}

/** Whether a file name is that of a lock beside a destination. */
export function isLockName(name: string): boolean {
  return name.length > LOCK.length + 2 && name.startsWith('.') && name.endsWith(`.${LOCK}`);
}

/** The paths for one directory of a destination. */
interface Beside {
  readonly lock: string;
  readonly prefix: string;
}

function placeBeside(path: string): Beside {
  const parent = dirname(path);
  makeDirectory(parent, 0o755);
  return isWritable(parent) ? besideIn(parent, path) : temporaryIn(ownTemporary(), path);
}

function besideIn(parent: string, path: string): Beside {
  return placeIn(parent, `.${basename(path)}.`);
}

function temporaryIn(dir: string, path: string): Beside {
  return placeIn(dir, `${createHash('sha256').update(path).digest('hex').slice(0, 16)}.`);
}

function placeIn(dir: string, name: string): Beside {
  return { lock: join(dir, `${name}${LOCK}`), prefix: join(dir, `${name}deploying-`) };
}

function isWritable(dir: string): boolean {
  try {
    accessSync(dir, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function temporaryDirectory(): string {
  return join(tmpdir(), `deploy-agent-${process.getuid?.() ?? 0}`);
}

function ownTemporary(): string {
  const dir = temporaryDirectory();
  makeDirectory(dir, 0o700);
  const stats = lstatSync(dir);
  if (stats.isDirectory() && stats.uid === (process.getuid?.() ?? 0) && (stats.mode & 0o077) === 0)
    return dir;
  throw new DeployError('unsafe', `${dir} is not ours alone`, { hint: 'look who made it, and remove it' });
}
