import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, readlinkSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import { chmodDirectory, type HeldDirectory, withNames } from '../../release/unpack/held-directory.js';
import { removeTree } from '../../release/unpack/run-tree-task.js';
import { pointCurrent } from '../current-link.js';
import { holdIn, requireOurReleases } from './check-destination.js';
import { copyBeside } from './copy-beside.js';
import { releasesOf } from './destination-paths.js';
import type { SyncCounts, SyncRequest, SyncStats } from './sync-request.js';

const DEFAULT_KEEP = 5;
/** The names of releases; sorted by name they are sorted by age. */
const RELEASE = /^\d{8}T\d{9}Z-./;

/**
 * Copies the source into a fresh directory `<to>.releases/<UTC time>-<id>` and switches the symlink at the destination to it in one
 * step. Then removes all releases but the newest, the new and the previous one.
 */
export async function releaseInto(
  sync: SyncRequest,
  parent: HeldDirectory,
  signal: AbortSignal,
): Promise<SyncStats> {
  const { to } = sync;
  const dir = holdIn(parent, basename(releasesOf(to)), 0o755);
  try {
    requireOurReleases(releasesOf(to), dir.stats);
    const previous = targetOf(to);
    const { name, ...counts } = await obtained(sync, dir, signal);
    const releases = join(parent.self, basename(releasesOf(to)));
    requireSame(releases, dir);
    pointCurrent(join(parent.self, basename(to)), join(releases, name));
    const root = join(releasesOf(to), name);
    await prune(sync, dir, [root, previous]);
    return { ...counts, root };
  } catch (error) {
    throw withNames(error);
  } finally {
    dir.close();
  }
}

/** Refuses a directory of releases that another one has replaced: the symlink would lead there. @throws DeployError unsafe. */
function requireSame(releases: string, dir: HeldDirectory): void {
  const named = statSync(releases, { throwIfNoEntry: false });
  const { dev, ino } = dir.stats;
  if (named?.dev === dev && named.ino === ino) return;
  throw new DeployError('unsafe', `somebody has exchanged ${releases} meanwhile`, {
    hint: 'look who may write to the directory that it is in',
  });
}

/** Makes the release, or finds it among the earlier ones. @returns counts, and the name of the release. */
async function obtained(
  sync: SyncRequest,
  dir: HeldDirectory,
  signal: AbortSignal,
): Promise<SyncCounts & { readonly name: string }> {
  const id = sync.id ?? randomBytes(6).toString('hex');
  const kept = sync.reuse === true ? releasesIn(dir).findLast((name) => idIn(name) === id) : undefined;
  if (kept !== undefined) {
    chmodDirectory(join(dir.self, kept), sync.destMode);
    return { files: 0, deleted: 0, bytes: 0, name: kept };
  }
  const name = `${new Date().toISOString().replace(/[-:.]/g, '')}-${id}`;
  const place = (tree: string) => {
    renameSync(tree, join(dir.self, name));
    syncDirectory(dir.self);
  };
  return { ...(await copyBeside(sync, { dir, prefix: '.new-', place }, signal)), name };
}

/** Removes all but the newest and the spared releases. A failure is only logged. @param spared absolute paths. */
async function prune(
  { to, keep = DEFAULT_KEEP, log }: SyncRequest,
  dir: HeldDirectory,
  spared: readonly (string | undefined)[],
): Promise<void> {
  for (const name of releasesIn(dir).reverse().slice(keep)) {
    const path = join(releasesOf(to), name);
    if (spared.includes(path)) continue;
    try {
      await removeTree(join(dir.self, name));
    } catch (error) {
      log(`the old release ${path} could not be removed: ${toDeployError(error).message}`);
    }
  }
}

/** Names of complete releases, the oldest first. */
function releasesIn(dir: HeldDirectory): string[] {
  return readdirSync(dir.self)
    .filter((name) => RELEASE.test(name))
    .sort();
}

function idIn(name: string): string {
  return name.slice(name.indexOf('-') + 1);
}

/** The target of the symlink at the destination, absolute; undefined where there is none. */
export function targetOf(to: string): string | undefined {
  if (lstatSync(to, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined;
  return resolve(dirname(to), readlinkSync(to));
}
