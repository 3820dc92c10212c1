import { createHash } from 'node:crypto';
import { accessSync, constants, lstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { makeDirectory } from '@deploy-tools/shared/host/make-directory.js';
import { ClosedDirectory, removeClosed } from './closed-directory.js';
import { holdParent } from './destination-parent.js';
import { directoriesOf, realDestination, realName, releasesOf } from './destination-paths.js';
import type { SyncRequest } from './sync-request.js';

const LOCK = 'deploy-lock';

/** Where there is room for what is made for a destination, and what names it has there. */
export interface DestinationPlace {
  /**
   * Absolute paths of the files that are locked while something is done to the destination, in the order in which everybody locks
   * them: for its name, whatever the strategy, and for the directory elsewhere that a symlink of this name leads what is
   * written to.
   */
  readonly locks: readonly string[];
  /** Absolute path that temporary directories begin with. */
  readonly prefix: string;
}

/**
 * Beside the destination, so that a rename is enough to get there; where we may not write beside it, as in a root's
 * directory, in the system's directory for temporary files, in a directory of our user's own. Directories above that
 * are missing are made (0755). A destination that is named in two ways has one lock at least for both.
 * @throws system errors; DeployError unsafe when somebody else has that directory.
 */
export function destinationPlace(destination: Pick<SyncRequest, 'to' | 'strategy'>): DestinationPlace {
  const plain = releasesOf(realName(destination.to));
  const places = directoriesOf(destination).filter((directory) => directory !== plain);
  const locks = places.map((path) => placeBeside(path).lock);
  return { locks: locks.sort(), prefix: placeBeside(realDestination(destination)).prefix };
}

/** Absolute paths of the files that may be the lock of a destination which takes this directory. */
export function locksFor(path: string): string[] {
  return [besideIn(dirname(path), path).lock, temporaryIn(temporaryDirectory(), path).lock];
}

/** A fresh directory there. What processes that were killed left is removed first: the lock has to be held. */
export async function freshBeside({ prefix }: DestinationPlace): Promise<ClosedDirectory> {
  const parent = holdParent(prefix);
  try {
    await removeClosed(parent, basename(prefix));
    return new ClosedDirectory(parent, basename(prefix));
  } finally {
    parent.close();
  }
}

/** Whether a file of this name may be the lock of a destination. */
export function isLockName(name: string): boolean {
  return name.length > LOCK.length + 2 && name.startsWith('.') && name.endsWith(`.${LOCK}`);
}

/** For one of the directories of a destination. */
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
