import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, readlinkSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DeployError, rewordError, toDeployError } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import { chmodDirectory, type HeldDirectory, withNames } from '../../release/unpack/held-directory.js';
import { removeTree } from '../../release/unpack/run-tree-task.js';
import { pointCurrent } from '../current-link.js';
import { checkDestination } from './check-destination.js';
import { copyBeside } from './copy-beside.js';
import { holdParent } from './destination-parent.js';
import { releasesOf } from './destination-paths.js';
import { holdReleases } from './release-store.js';
import type { SyncCounts, SyncRequest, SyncStats } from './sync-request.js';

const DEFAULT_KEEP = 5;
/** Sorted by name they are sorted by age. */
const RELEASE = /^\d{8}T\d{9}Z-./;

/**
 * Copies the source into a fresh directory `<to>.releases/<UTC time>-<id>` and switches the symlink at the destination to it in
 * one step. Then all but the newest, the new one and the one before are removed.
 */
export async function releaseInto(sync: SyncRequest, signal: AbortSignal): Promise<SyncStats> {
  const { to } = sync;
  const parent = holdParent(to);
  try {
    checkDestination(to, 'release');
    const dir = holdReleases(to, parent);
    try {
      return await switched(sync, { parent, dir }, signal);
    } catch (error) {
      throw withNames(error);
    } finally {
      dir.close();
    }
  } catch (error) {
    const state =
      targetOf(to) === undefined ? `there is no ${to} yet` : `${to} leads to what it led to before`;
    throw rewordError(withNames(error), (message) => `${message}; ${state}`);
  } finally {
    parent.close();
  }
}

async function switched(
  sync: SyncRequest,
  { parent, dir }: { readonly parent: HeldDirectory; readonly dir: HeldDirectory },
  signal: AbortSignal,
): Promise<SyncStats> {
  const { to } = sync;
  const before = targetOf(to);
  const { name, ...counts } = await obtained(sync, dir, signal);
  const releases = join(parent.self, basename(releasesOf(to)));
  requireSame(releases, dir);
  pointCurrent(join(parent.self, basename(to)), join(releases, name));
  const root = join(releasesOf(to), name);
  await prune(sync, dir, [root, before]);
  return { ...counts, root };
}

/** The symlink would lead to what has the name, which is not what was written to. @throws DeployError unsafe. */
function requireSame(releases: string, dir: HeldDirectory): void {
  const named = statSync(releases, { throwIfNoEntry: false });
  const { dev, ino } = dir.stats;
  if (named?.dev === dev && named.ino === ino) return;
  throw new DeployError('unsafe', `somebody has exchanged ${releases} meanwhile`, {
    hint: 'look who may write to the directory that it is in',
  });
}

/** @returns what was done, and the name of the release. */
async function obtained(
  sync: SyncRequest,
  dir: HeldDirectory,
  signal: AbortSignal,
): Promise<SyncCounts & { readonly name: string }> {
  const id = sync.id ?? randomBytes(6).toString('hex');
  const kept = sync.reuse === true ? releasesIn(dir).findLast((name) => nameEnd(name) === id) : undefined;
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

/** What cannot be removed is in nobody's way. */
async function prune(
  { to, keep, log }: SyncRequest,
  dir: HeldDirectory,
  spared: readonly (string | undefined)[],
): Promise<void> {
  const superfluous = releasesIn(dir)
    .reverse()
    .slice(keep ?? DEFAULT_KEEP)
    .filter((name) => !spared.includes(join(releasesOf(to), name)));
  for (const name of superfluous) {
    try {
      await removeTree(join(dir.self, name));
    } catch (error) {
      const path = join(releasesOf(to), name);
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

function nameEnd(name: string): string {
  return name.slice(name.indexOf('-') + 1);
}

/** Where the symlink at the destination leads, absolute. */
function targetOf(to: string): string | undefined {
  if (lstatSync(to, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined;
  return resolve(dirname(to), readlinkSync(to));
}
