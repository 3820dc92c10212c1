import { createHash } from 'node:crypto';
import { accessSync, constants, lstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { makeDirectory } from '@deploy-tools/shared/host/make-directory.js';
import { ClosedDirectory, removeClosed } from './closed-directory.js';
import { holdParent } from './destination-parent.js';
import { realDestination } from './destination-paths.js';
import type { SyncRequest } from './sync-request.js';

/** Where there is room for what is made for a destination, and what names it has there. */
export interface DestinationPlace {
  /** Absolute path of the file that is locked while something is done to the destination. */
  readonly lock: string;
  /** Absolute path that temporary directories begin with. */
  readonly prefix: string;
}

/**
 * Beside the destination, so that a rename is enough to get there; where we may not write beside it, as in a root's
 * directory, in the system's directory for temporary files, in a directory of our user's own. Directories above that
 * are missing are made (0755). A destination that is named in two ways has one place.
 * @throws system errors; DeployError unsafe when somebody else has that directory.
 */
export function destinationPlace(destination: Pick<SyncRequest, 'to' | 'strategy'>): DestinationPlace {
  const dest = realDestination(destination);
  const parent = dirname(dest);
  makeDirectory(parent, 0o755);
  const beside = placeIn(parent, `.${basename(dest)}.`);
  if (isWritable(parent)) return beside;
  const digest = createHash('sha256').update(dest).digest('hex').slice(0, 16);
  return placeIn(ownTemporary(), `${digest}.`);
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

function placeIn(dir: string, name: string): DestinationPlace {
  return { lock: join(dir, `${name}deploy-lock`), prefix: join(dir, `${name}deploying-`) };
}

function isWritable(dir: string): boolean {
  try {
    accessSync(dir, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function ownTemporary(): string {
  const uid = process.getuid?.() ?? 0;
  const dir = join(tmpdir(), `deploy-agent-${uid}`);
  makeDirectory(dir, 0o700);
  const stats = lstatSync(dir);
  if (stats.isDirectory() && stats.uid === uid && (stats.mode & 0o077) === 0) return dir;
  throw new DeployError('unsafe', `${dir} is not ours alone`, { hint: 'look who made it, and remove it' });
}
