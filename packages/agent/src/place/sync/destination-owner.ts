import { lstatSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DeployError, errnoOf, unlessMissing } from '@deploy-tools/shared/errors.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import { wireObject, withWireKeys } from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import { placedIn, readPlaced } from '../placed-record.js';
import { areApart, directoriesOf, realPlace } from './destination-paths.js';
import { destinationPlace, isLockName, locksFor } from './destination-place.js';
import { SYNC_STRATEGIES, type SyncStrategy } from './sync-request.js';

const RELEASES = '.releases';
/** Errors of a directory that cannot be read: it has no lock files, or the sync will fail and say why. */
const CLOSED = ['ENOENT', 'ENOTDIR', 'EACCES'];

const ownerSchema = wireObject({
  /** Of the agent's configuration. */
  Name: z.string(),
  /** Absolute path of the agent's directory. */
  Dir: z.string(),
  /** The destination, as that agent names it. */
  To: z.string(),
});

/** The agent that deploys to a destination. */
type DestinationOwner = z.output<typeof ownerSchema>;

/** The content of a lock file, a line for each: the process that has or had the lock, and the owner of the destination. */
export interface LockContent {
  readonly pid: string;
  readonly owner: DestinationOwner | undefined;
}

export const MAX_LOCK_BYTES = 64 * 1024;

export function formatLockContent({ pid, owner }: LockContent): string {
  return owner === undefined ? `${pid}\n` : `${pid}\n${JSON.stringify(withWireKeys(owner))}\n`;
}

/** A malformed owner counts as absent; the owner's next deployment writes it again. */
export function parseLockContent(text: string): LockContent {
  const [pid = '', line = ''] = text.split('\n');
  try {
    return { pid, owner: z.parse(ownerSchema, JSON.parse(line)) };
  } catch {
    return { pid, owner: undefined };
  }
}

/** A destination and the agent that is about to deploy to it. */
export interface DestinationClaim {
  /** Absolute; symlinks in it are not resolved. */
  readonly to: string;
  readonly strategy: SyncStrategy;
  /** Undefined for a deployment that claims no ownership. */
  readonly owner: Omit<DestinationOwner, 'to'> | undefined;
}

/**
 * Refuses a destination of another agent, and one inside of another agent's, by the lock files beside it and the directories above.
 * Makes missing directories above it.
 * @throws DeployError conflict: each agent would remove the other's files; system errors.
 */
export function checkOutside(claim: DestinationClaim): void {
  for (const path of destinationPlace(claim).locks) requireFree(claim, path, true);
  const ways = [...directoriesOf(claim), realPlace(claim.to)].flatMap(upwards);
  for (const path of new Set(ways.flatMap(locksFor))) requireFree(claim, path, false);
}

/**
 * Refuses a destination that contains another agent's, by the lock files in all its directories. Symlinks are not followed.
 * @throws DeployError conflict; system errors.
 */
export async function checkInside(claim: DestinationClaim): Promise<void> {
  for (const directory of directoriesOf(claim)) {
    if (lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
    for await (const path of locksIn(directory)) requireFree(claim, path, false);
  }
}

/** A path and those above it; for a directory of releases also its destination. */
function upwards(path: string): string[] {
  if (dirname(path) === path) return [];
  const owns = path.endsWith(RELEASES) ? [path, path.slice(0, -RELEASES.length)] : [path];
  return [...owns, ...upwards(dirname(path))];
}

async function* locksIn(directory: string): AsyncGenerator<string> {
  for (const entry of await entriesOf(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* locksIn(path);
    else if (entry.isFile() && isLockName(entry.name)) yield path;
  }
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (CLOSED.includes(errnoOf(error) ?? '')) return [];
    throw error;
  }
}

/**
 * Refuses a destination for which a lock file names another agent.
 * @param isOwnLock whether the file is the lock of this very destination; else the other agent's has to be in it or around it.
 */
function requireFree(claim: DestinationClaim, path: string, isOwnLock: boolean): void {
  const found = readOwner(path);
  if (!isAnothers(claim, found) || (!isOwnLock && isApart(claim, found))) return;
  const isSame = isOwnLock || found.to === claim.to;
  const what = isSame ? 'is' : `and ${found.to} are one in the other, and the latter is`;
  const whose = `the destination of the configuration "${found.name}" in ${found.dir}`;
  throw new DeployError('conflict', `${claim.to} ${what} ${whose}`, {
    hint: `use another destination; if that agent does not deploy to it any more, remove ${path}`,
  });
}

/** Whether two destinations are apart. The place of the lock file does not count: it may be a copy, as in a backup. */
function isApart(claim: DestinationClaim, found: DestinationOwner): boolean {
  const theirs = directoriesOf({ to: found.to, strategy: strategyOf(found) ?? 'rsync' });
  return directoriesOf(claim).every((one) => theirs.every((other) => areApart(one, other)));
}

/** Whether a destination belongs to another agent than the claim's, and that agent still deploys to it. */
function isAnothers(
  { owner }: DestinationClaim,
  found: DestinationOwner | undefined,
): found is DestinationOwner {
  return found !== undefined && found.dir !== owner?.dir && !hasLeft(found);
}

/** Reads the owner from a lock file; undefined where there is none. @throws system errors; DeployError invalid. */
function readOwner(path: string): DestinationOwner | undefined {
  const file = unlessMissing(() => readRegularFile(path, MAX_LOCK_BYTES));
  return file && parseLockContent(file.toString('utf8')).owner;
}

/** The strategy of an agent; undefined where it cannot be read. */
function strategyOf({ dir }: DestinationOwner): SyncStrategy | undefined {
  try {
    const strategy = readPlaced(placedIn(dir))?.strategy;
    return SYNC_STRATEGIES.find((known) => known === strategy);
  } catch {
    return undefined; // The directory of another user, which cannot be read.
  }
}

/** Whether an agent does not deploy to its destination any more: its directory is gone, or it syncs to another one or to none. */
export function hasLeft({ dir, to }: DestinationOwner): boolean {
  try {
    if (statSync(dir, { throwIfNoEntry: false }) === undefined) return true;
    return readPlaced(placedIn(dir))?.to !== to;
  } catch {
    return false; // The directory of another user, which cannot be read.
  }
}
