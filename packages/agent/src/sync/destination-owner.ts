import { statSync } from 'node:fs';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import { asText, parseFields } from '@deploy-tools/shared/report/json-fields.js';
import { placedIn, readPlaced } from '../deploy/placed-record.js';

/** The agent that deploys to a destination. */
export interface DestinationOwner {
  /** Of its configuration. */
  readonly name: string;
  /** Absolute path of its directory. */
  readonly dir: string;
  /** The destination as that agent names it. */
  readonly to: string;
}

/** What a lock file holds: the process that has, or had, the lock, and whose the destination is, a line each. */
export interface LockContent {
  readonly pid: string;
  readonly owner: DestinationOwner | undefined;
}

export const MAX_LOCK_BYTES = 64 * 1024;

export function formatLockContent({ pid, owner }: LockContent): string {
  if (owner === undefined) return `${pid}\n`;
  return `${pid}\n${JSON.stringify({ Name: owner.name, Dir: owner.dir, To: owner.to })}\n`;
}

/** A damaged owner is none: it is noted again with the owner's next release. */
export function parseLockContent(text: string): LockContent {
  const [pid = '', line = ''] = text.split('\n');
  try {
    const { Name, Dir, To } = parseFields(line);
    const owner = { name: asText(Name, 'Name'), dir: asText(Dir, 'Dir'), to: asText(To, 'To') };
    return { pid, owner };
  } catch {
    return { pid, owner: undefined };
  }
}

/** A destination and who wants to deploy to it. */
export interface DestinationClaim {
  readonly dest: string;
  /** Of the destination's lock file. */
  readonly path: string;
  /** Undefined for a deployment that leaves the destination to anybody. */
  readonly owner: DestinationOwner | undefined;
}

/**
 * Refuses a destination that another agent deploys to: each would remove what the other put there. An agent whose directory
 * is gone, or that has synced to another destination since, or to none, does not deploy to this one any more.
 * @param found whose it is by the lock file.
 * @throws DeployError conflict.
 */
export function checkOwner(
  { dest, path, owner }: DestinationClaim,
  found: DestinationOwner | undefined,
): void {
  if (found === undefined || found.dir === owner?.dir || hasLeft(found)) return;
  throw new DeployError(
    'conflict',
    `${dest} is the destination of the configuration "${found.name}" in ${found.dir}`,
    { hint: `use another destination; if that agent does not deploy to it any more, remove ${path}` },
  );
}

/** Checks before the lock is taken, which may come to another result. @throws DeployError conflict. */
export function checkOwnerEarly(claim: DestinationClaim): void {
  try {
    const text = readRegularFile(claim.path, MAX_LOCK_BYTES).toString('utf8');
    checkOwner(claim, parseLockContent(text).owner);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

function hasLeft({ dir, to }: DestinationOwner): boolean {
  try {
    if (statSync(dir, { throwIfNoEntry: false }) === undefined) return true;
    return readPlaced(placedIn(dir))?.to !== to;
  } catch {
    return false; // a directory of another user, which cannot be read
  }
}
