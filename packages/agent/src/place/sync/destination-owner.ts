import { statSync } from 'node:fs';
import { DeployError, isMissing } from '@deploy-tools/shared/errors.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import { wireObject } from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import { placedIn, readPlaced } from '../placed-record.js';
import { SYNC_STRATEGIES, type SyncStrategy } from './sync-request.js';

/** The agent that deploys to a destination. */
export interface DestinationOwner {
  /** Of its configuration. */
  readonly name: string;
  /** Absolute path of its directory. */
  readonly dir: string;
  /** The destination as that agent names it. */
  readonly to: string;
}

const ownerSchema = wireObject({ Name: z.string(), Dir: z.string(), To: z.string() });

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
    return { pid, owner: z.parse(ownerSchema, JSON.parse(line)) };
  } catch {
    return { pid, owner: undefined };
  }
}

/** A destination and who wants to deploy to it. */
export interface DestinationClaim {
  /** As it is named, absolute. */
  readonly to: string;
  readonly strategy: SyncStrategy;
  /** Undefined for a deployment that leaves the destination to anybody. */
  readonly owner: Omit<DestinationOwner, 'to'> | undefined;
}

/**
 * Refuses a destination that another agent deploys to: each would remove what the other put there.
 * @param path of the lock file that was read. @param found whose the destination is by it.
 * @throws DeployError conflict.
 */
export function checkOwner(claim: DestinationClaim, path: string, found: DestinationOwner | undefined): void {
  if (!isAnothers(claim, found)) return;
  throw ofAnother(`${claim.to} is the destination of`, path, found);
}

/** An error that says whose a destination is, and what to do. @param what the sentence up to the configuration. */
export function ofAnother(what: string, path: string, { name, dir }: DestinationOwner): DeployError {
  return new DeployError('conflict', `${what} the configuration "${name}" in ${dir}`, {
    hint: `use another destination; if that agent does not deploy to it any more, remove ${path}`,
  });
}

/**
 * Whether an agent deploys to its destination still, and is not the one that wants to. An agent whose directory is gone, or that has
 * synced to another destination since, or to none, does not deploy to this one any more.
 */
export function isAnothers(
  { owner }: DestinationClaim,
  found: DestinationOwner | undefined,
): found is DestinationOwner {
  return found !== undefined && found.dir !== owner?.dir && !hasLeft(found);
}

/** @returns undefined where there is no such file, or none that says it. @throws system errors; DeployError invalid. */
export function readOwner(path: string): DestinationOwner | undefined {
  try {
    return parseLockContent(readRegularFile(path, MAX_LOCK_BYTES).toString('utf8')).owner;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** How an agent gets releases to its destination, as far as that can be read. */
export function strategyOf({ dir }: DestinationOwner): SyncStrategy | undefined {
  try {
    const strategy = readPlaced(placedIn(dir))?.strategy;
    return SYNC_STRATEGIES.find((known) => known === strategy);
  } catch {
    return undefined; // a directory of another user, which cannot be read
  }
}

/** Whether the agent that a destination was noted for has not synced to it, or to another one since. */
export function hasLeft({ dir, to }: DestinationOwner): boolean {
  try {
    if (statSync(dir, { throwIfNoEntry: false }) === undefined) return true;
    return readPlaced(placedIn(dir))?.to !== to;
  } catch {
    return false; // a directory of another user, which cannot be read
  }
}
