import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import { bootId } from '../host/process-identity.js';
import { syncTree } from '../host/sync-filesystem.js';
import type { ReleaseStore } from './release-store.js';
import { spreadDirectories } from './spread-directories.js';
import { removeTree } from './unpack/remove-tree.js';

/** Marks a release as complete on disk; the Go agent writes and reads the same, but empty. */
const COMPLETE = '.ok';
/** What our mark holds. */
const MADE_BY_US = 'deploy-agent\n';
const HALF_BUILT = /^\.new-/;
const TEMPORARY = /^\.(new|old)-/;
const RELEASE = /^[0-9a-f]{64}$/;
/** What was left half built is of use for the next attempt; more than so many attempts are not kept. */
const MOST_LEFTOVERS = 3;

export interface Release {
  /** Absolute: `<dir>/unpacked/<configuration hash>`. */
  readonly root: string;
  /**
   * Resolves when the release is complete on disk, power loss included, and marked so. It is complete for every
   * process before this; only the disk lags behind.
   */
  readonly durable: Promise<void>;
}

/** Makes an empty directory in which a release is made before it gets its name. */
export async function freshDirectory(unpacked: string): Promise<string> {
  const made = await mkdir(unpacked, { recursive: true, mode: 0o755 });
  if (made !== undefined) await spreadDirectories(unpacked);
  const fresh = join(unpacked, `.new-${randomBytes(6).toString('hex')}`);
  await mkdir(fresh, { mode: 0o755 });
  return fresh;
}

/**
 * The directory of a release that was made for this very deployment, as it is: a script that did not get to its end may
 * have started something from it.
 * @param unpackedIn the boot of the host it was made in; undefined when there is none.
 */
export function usableRelease(
  unpacked: string,
  hash: string,
  unpackedIn: string | undefined,
): Release | undefined {
  const root = join(unpacked, hash);
  if (unpackedIn === undefined || !existsSync(root)) return undefined;
  if (existsSync(root + COMPLETE)) return { root, durable: Promise.resolve() };
  // While the host has not gone down, what got the name is complete, its mark written or not.
  if (unpackedIn === '' || unpackedIn !== bootId()) return undefined;
  const durable = makeDurable(unpacked, root);
  durable.catch(() => undefined); // The deployment awaits it, which may be a while from now.
  return { root, durable };
}

/**
 * Gives a complete release its name. Whatever has the name already was made for an earlier deployment of the same
 * layers.
 */
export async function putInPlace(unpacked: string, fresh: string, root: string): Promise<void> {
  await rm(root + COMPLETE, { force: true });
  const old = join(unpacked, `.old-${randomBytes(6).toString('hex')}`);
  try {
    await rename(root, old);
  } catch (error) {
    if (!isMissing(error)) throw error;
    await rename(fresh, root);
    return;
  }
  await rename(fresh, root);
  await removeTree(old);
}

export async function makeDurable(unpacked: string, root: string): Promise<void> {
  await syncTree(root);
  await writeFile(root + COMPLETE, MADE_BY_US, { mode: 0o640 });
  syncDirectory(unpacked);
}

/** Absolute paths of what was left half built, the last first. */
export async function halfBuilt(unpacked: string): Promise<string[]> {
  const found = (await namesIn(unpacked, HALF_BUILT)).map((name) => {
    const path = join(unpacked, name);
    return { path, ms: lstatSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0 };
  });
  return found.sort((a, b) => b.ms - a.ms).map(({ path }) => path);
}

/** Hashes of the releases there are, complete or not. */
export async function releasesIn(unpacked: string): Promise<string[]> {
  return await namesIn(unpacked, RELEASE);
}

/**
 * Removes what an interrupted agent left.
 * @param salvage whether to keep what was left half built: its content need not be fetched again.
 */
export async function removeLeftovers(store: ReleaseStore, salvage: boolean): Promise<void> {
  const { unpacked } = store.paths;
  const spared = new Set(salvage ? (await halfBuilt(unpacked)).slice(0, MOST_LEFTOVERS) : []);
  for (const name of await namesIn(unpacked, TEMPORARY)) {
    const path = join(unpacked, name);
    if (spared.has(path)) continue;
    store.log.info({ path }, 'removing what was left half unpacked');
    await removeTree(path, store.signal);
  }
}

/**
 * Hashes of complete releases that the Go agent made on this host before.
 * @param records where ours are recorded, also those whose mark is of a version that left it empty.
 */
export async function foreignReleases(unpacked: string, records: string): Promise<string[]> {
  const hashes = await releasesIn(unpacked);
  return hashes.filter((hash) => {
    const mark = lstatSync(join(unpacked, hash) + COMPLETE, { throwIfNoEntry: false });
    return mark?.size === 0 && !existsSync(join(records, hash));
  });
}

/** Hashes of releases that are neither among the newest `keep` nor spared; those that are ignored count as not there. */
export async function superfluousReleases(
  unpacked: string,
  keep: number,
  { spared, ignored = [] }: { readonly spared: ReadonlySet<string>; readonly ignored?: readonly string[] },
): Promise<string[]> {
  const hashes = (await releasesIn(unpacked)).filter((hash) => !ignored.includes(hash));
  const completed = new Map(hashes.map((hash) => [hash, completedAt(join(unpacked, hash))]));
  const newestFirst = hashes.sort((a, b) => (completed.get(b) ?? 0) - (completed.get(a) ?? 0));
  return newestFirst.slice(keep).filter((hash) => !spared.has(hash));
}

/** Removes releases, with their marks. */
export async function removeReleases(store: ReleaseStore, hashes: readonly string[]): Promise<void> {
  // Made by an agent that did not do it, or moved here.
  if (hashes.length > 0) await spreadDirectories(store.paths.unpacked);
  for (const hash of hashes) {
    const root = join(store.paths.unpacked, hash);
    store.log.debug({ root }, 'removing a release');
    await rm(root + COMPLETE, { force: true });
    await removeTree(root, store.signal);
  }
}

/** When a release was made; one that was never completed counts as older than all others. */
function completedAt(root: string): number {
  return lstatSync(root + COMPLETE, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

async function namesIn(dir: string, pattern: RegExp): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((name) => pattern.test(name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
