import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, readlinkSync, renameSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import { makeDirectory } from '@deploy-tools/shared/host/make-directory.js';
import { pointCurrent } from '../deploy/current-link.js';
import { chmodDirectory } from '../unpack/held-directory.js';
import { removeTree } from '../unpack/remove-tree.js';
import { checkDestination } from './check-destination.js';
import { copyBeside } from './copy-beside.js';
import { releasesOf } from './destination-paths.js';
import type { SyncRequest, SyncStats } from './sync-request.js';

const DEFAULT_KEEP = 5;
/** Sorted by name they are sorted by age. */
const RELEASE = /^\d{8}T\d{9}Z-./;

/**
 * Copies the source into a fresh directory `<to>.releases/<UTC time>-<id>` and switches the symlink at the destination to it in
 * one step. Then all but the newest, the new one and the one before are removed.
 */
export async function releaseInto(sync: SyncRequest, signal: AbortSignal): Promise<SyncStats> {
  const { to } = sync;
  const dir = releasesOf(to);
  try {
    checkDestination(to, 'release');
    makeDirectory(dir, 0o755);
    const before = targetOf(to);
    const { root, ...counts } = await obtained(sync, dir, signal);
    chmodDirectory(root, sync.destMode);
    pointCurrent(to, root);
    await prune(sync, dir, [root, before]);
    return { ...counts, root };
  } catch (error) {
    const { kind, message, hint } = toDeployError(error);
    const state =
      targetOf(to) === undefined ? `there is no ${to} yet` : `${to} leads to what it led to before`;
    const more = hint === undefined ? {} : { hint };
    throw new DeployError(kind, `${message}; ${state}`, { ...more, cause: error });
  }
}

async function obtained(sync: SyncRequest, dir: string, signal: AbortSignal): Promise<SyncStats> {
  const id = sync.id ?? randomBytes(6).toString('hex');
  const kept = sync.reuse === true ? releasesIn(dir).findLast((name) => nameEnd(name) === id) : undefined;
  if (kept !== undefined) return { files: 0, deleted: 0, bytes: 0, root: join(dir, kept) };
  const root = join(dir, `${new Date().toISOString().replace(/[-:.]/g, '')}-${id}`);
  const place = (fresh: string) => {
    renameSync(fresh, root);
    syncDirectory(dir);
  };
  return { ...(await copyBeside(sync, dir, '.new-', place, signal)), root };
}

/** What cannot be removed is in nobody's way. */
async function prune(
  { keep, log }: SyncRequest,
  dir: string,
  spared: readonly (string | undefined)[],
): Promise<void> {
  const superfluous = releasesIn(dir)
    .reverse()
    .slice(keep ?? DEFAULT_KEEP)
    .map((name) => join(dir, name))
    .filter((path) => !spared.includes(path));
  for (const path of superfluous) {
    try {
      await removeTree(path, new AbortController().signal);
    } catch (error) {
      log(`the old release ${path} could not be removed: ${toDeployError(error).message}`);
    }
  }
}

/** Names of complete releases, the oldest first. */
function releasesIn(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => RELEASE.test(name))
    .sort();
}

function nameEnd(name: string): string {
  return name.slice(name.indexOf('-') + 1);
}

/** Where the symlink at the destination leads, absolute. */
function targetOf(to: string): string | undefined {
  if (lstatSync(to, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined;
  return resolve(dirname(to), readlinkSync(to));
}
