import { lstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import {
  checkOwner,
  type DestinationClaim,
  isAnothers,
  ofAnother,
  readOwner,
  strategyOf,
} from './destination-owner.js';
import { areApart, directoriesOf, realPlace } from './destination-paths.js';
import { destinationPlace, isLockName, locksFor } from './destination-place.js';

const RELEASES = '.releases';
/** What a directory that cannot be looked into says: nothing is there, or the sync itself will say what is wrong. */
const CLOSED = ['ENOENT', 'ENOTDIR', 'EACCES'];

/**
 * Refuses a destination of another agent, and one that is inside of another agent's, by what is noted beside the directories above it.
 * Directories above it that are missing are made.
 * @throws DeployError conflict; system errors.
 */
export function checkOutside(claim: DestinationClaim): void {
  for (const path of destinationPlace(claim).locks) checkOwner(claim, path, readOwner(path));
  const ways = [...directoriesOf(claim), realPlace(claim.to)].flatMap(upwards);
  for (const path of new Set(ways.flatMap(locksFor))) requireApart(claim, path);
}

/**
 * Refuses a destination that has another agent's inside, by what is noted in its directories, which are read through. Symlinks are not
 * followed.
 * @throws DeployError conflict; system errors.
 */
export async function checkInside(claim: DestinationClaim): Promise<void> {
  for (const directory of directoriesOf(claim)) {
    if (lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
    for await (const path of locksIn(directory)) requireApart(claim, path);
  }
}

/** The path, those above it, and destinations whose releases are there. */
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

/** A lock file may be a copy, as in a backup: what counts is where the destination is that it names. */
function requireApart(claim: DestinationClaim, path: string): void {
  const found = readOwner(path);
  if (!isAnothers(claim, found)) return;
  const theirs = directoriesOf({ to: found.to, strategy: strategyOf(found) ?? 'rsync' });
  if (directoriesOf(claim).every((one) => theirs.every((other) => areApart(one, other)))) return;
  throw ofAnother(
    found.to === claim.to
      ? `${claim.to} is the destination of`
      : `${claim.to} and ${found.to} are one in the other, and the latter is the destination of`,
    path,
    found,
  );
}
