import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import { namesIn } from '@deploy-tools/shared/host/names-in.js';
import { bootId } from '../host/process-identity.js';
import { syncTree } from '../host/sync-filesystem.js';
import type { ReleaseStore } from './release-store.js';
import { spreadDirectories } from './spread-directories.js';
import { removeTree } from './unpack/run-tree-task.js';

/** Suffix of the mark file of a release that is complete on disk. The Go agent's mark files are empty. */
const COMPLETE = '.ok';
/** The content of our mark. */
const MADE_BY_US = 'deploy-agent\n';
const HALF_BUILT = /^\.new-/;
const TEMPORARY = /^\.(new|old)-/;
const RELEASE = /^[0-9a-f]{64}$/;
/** Half-built directories that are kept, because the next attempt can use their content. */
const MAX_LEFTOVERS = 3;

export interface Release {
  /** Absolute: `<dir>/unpacked/<configuration hash>`. */
  readonly root: string;
  /** Resolves when the release survives power loss and is marked as complete. Processes see it complete before that. */
  readonly durable: Promise<void>;
}

/** Makes an empty directory for a release that is being made. */
export async function freshDirectory(unpacked: string): Promise<string> {
  const made = await mkdir(unpacked, { recursive: true, mode: 0o755 });
  if (made !== undefined) await spreadDirectories(unpacked);
  const fresh = join(unpacked, `.new-${randomBytes(6).toString('hex')}`);
  await mkdir(fresh, { mode: 0o755 });
  return fresh;
}

/**
 * The release that this deployment made before it was interrupted. It is not made anew: its script may have started
 * something from it.
 * @param unpackedIn the id of the host's boot in which it was made; undefined when it was not.
 */
export function usableRelease(
  unpacked: string,
  hash: string,
  unpackedIn: string | undefined,
): Release | undefined {
  const root = join(unpacked, hash);
  if (unpackedIn === undefined || !existsSync(root)) return undefined;
  if (existsSync(root + COMPLETE)) return { root, durable: Promise.resolve() };
  // Until the host restarts, a directory with the release's name is complete even without its mark.
  if (unpackedIn === '' || unpackedIn !== bootId()) return undefined;
  const durable = makeDurable(unpacked, root);
  durable.catch(() => undefined); // The deployment awaits it, which may be a while from now.
  return { root, durable };
}

/** Gives a complete release its name, and removes the release that an earlier deployment of the same layers made. */
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

/** Absolute paths of half-built directories, the newest first. */
export function halfBuilt(unpacked: string): string[] {
  const found = matching(unpacked, HALF_BUILT).map((name) => {
    const path = join(unpacked, name);
    return { path, ms: lstatSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0 };
  });
  return found.sort((a, b) => b.ms - a.ms).map(({ path }) => path);
}

/** Hashes of the releases in a directory, complete or not. */
export function releasesIn(unpacked: string): string[] {
  return matching(unpacked, RELEASE);
}

/**
 * Removes directories that an interrupted agent left.
 * @param salvage whether to keep the newest half-built ones, whose content need not be fetched again.
 */
export async function removeLeftovers(store: ReleaseStore, salvage: boolean): Promise<void> {
  const { unpacked } = store.paths;
  const spared = new Set(salvage ? halfBuilt(unpacked).slice(0, MAX_LEFTOVERS) : []);
  for (const name of matching(unpacked, TEMPORARY)) {
    const path = join(unpacked, name);
    if (spared.has(path)) continue;
    store.log.info({ path }, 'removing a half-built release');
    await removeTree(path, store.signal);
  }
}

/**
 * Hashes of complete releases that the Go agent made on this host.
 * @param records the directory of our records: an earlier version of ours left its marks empty too.
 */
export function foreignReleases(unpacked: string, records: string): string[] {
  return releasesIn(unpacked).filter((hash) => {
    const mark = lstatSync(join(unpacked, hash) + COMPLETE, { throwIfNoEntry: false });
    return mark?.size === 0 && !existsSync(join(records, hash));
  });
}

/** Hashes of releases to remove: neither ignored, nor among the newest `keep` of the others, nor spared. */
export function superfluousReleases(
  unpacked: string,
  keep: number,
  { spared, ignored = [] }: { readonly spared: ReadonlySet<string>; readonly ignored?: readonly string[] },
): string[] {
  const hashes = releasesIn(unpacked).filter((hash) => !ignored.includes(hash));
  const completed = new Map(hashes.map((hash) => [hash, completedAt(join(unpacked, hash))]));
  const newestFirst = hashes.sort((a, b) => (completed.get(b) ?? 0) - (completed.get(a) ?? 0));
  return newestFirst.slice(keep).filter((hash) => !spared.has(hash));
}

/** Removes releases, with their marks. */
export async function removeReleases(store: ReleaseStore, hashes: readonly string[]): Promise<void> {
  // The directory may have been moved here, or made by an agent that did not spread it.
  if (hashes.length > 0) await spreadDirectories(store.paths.unpacked);
  for (const hash of hashes) {
    const root = join(store.paths.unpacked, hash);
    store.log.debug({ root }, 'removing a release');
    await rm(root + COMPLETE, { force: true });
    await removeTree(root, store.signal);
  }
}

/** The time at which a release was completed; 0 for one that never was. */
function completedAt(root: string): number {
  return lstatSync(root + COMPLETE, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function matching(dir: string, pattern: RegExp): string[] {
  return namesIn(dir).filter((name) => pattern.test(name));
}
