import { closeSync, readlinkSync, type Stats } from 'node:fs';
import { lstat, opendir, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { DeployError, errnoOf, isMissing, toDeployError } from '@deploy-tools/shared/errors.js';
import { openRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import { openFileBy } from '../objects/file-object.js';
import { objectContext } from '../objects/open-url.js';
import type { ObjectContext, OpenedObject, OpenFrom } from '../opened-object.js';
import type { Artifact, Listing, Source, SourceRelease } from '../source.js';
import type { SourceContext } from '../source-context.js';
import type { SourcePlace } from '../source-place.js';
import { listingOf } from './bucket-releases.js';

/** Far beyond any directory of releases; keeps a wrong directory from filling memory. */
const MAX_RELEASES = 10_000;
const MAX_ARTIFACTS = 1000;

/**
 * A directory of releases, `<directory>/<version>/<artifact>`. Names that begin with a dot are left out: a release or
 * artifact is complete when it got its name by rename.
 */
export function openFileSource(
  label: string,
  place: SourcePlace & { scheme: 'file' },
  { environment, timeoutMs, fileRoots }: SourceContext,
): Source {
  const context = objectContext(environment, timeoutMs);
  const where: Directory = { path: place.directory, roots: fileRoots };
  return {
    label,
    kind: 'files',
    list: async (known, signal) => listDirectory(where, known, signal),
    open: (artifact, from, signal) => openArtifact(where, artifact, { from, signal, context }),
  };
}

interface Directory {
  readonly path: string;
  /** Files have to be in one of these directories, and no symlink is followed; undefined allows any file. */
  readonly roots: readonly string[] | undefined;
}

async function listDirectory(
  where: Directory,
  known: Listing | undefined,
  signal: AbortSignal,
): Promise<Listing> {
  const releases: SourceRelease[] = [];
  const directory = where.path;
  const look = where.roots === undefined ? stat : lstat;
  try {
    await realDirectory(where);
    for await (const entry of await opendir(directory)) {
      signal.throwIfAborted();
      if (entry.name.startsWith('.')) continue;
      const release = await readRelease(join(directory, entry.name), entry.name, look);
      if (release !== undefined) releases.push(release);
      if (releases.length > MAX_RELEASES) throw tooMany(directory, MAX_RELEASES);
    }
  } catch (error) {
    throw fileError(error, directory);
  }
  releases.sort((a, b) => (a.tag < b.tag ? -1 : 1));
  return listingOf(releases, known);
}

/** Reads a release; undefined when it is no directory, or disappears meanwhile. */
async function readRelease(path: string, tag: string, look: Look): Promise<SourceRelease | undefined> {
  const stats = await look(path).catch(ignoreMissing);
  if (stats?.isDirectory() !== true) return undefined;
  const names = (await readIfThere(path)).filter((name) => !name.startsWith('.')).sort();
  if (names.length > MAX_ARTIFACTS) throw tooMany(path, MAX_ARTIFACTS);
  const artifacts: Artifact[] = [];
  for (const name of names) {
    const file = await look(join(path, name)).catch(ignoreMissing);
    if (file?.isFile() !== true) continue;
    artifacts.push({ name, id: `${tag}/${name}`, size: file.size, digest: undefined });
  }
  return { tag, prerelease: false, created: stats.mtime.toISOString(), artifacts };
}

type Look = (path: string) => Promise<Stats>;

/** Resolves the directory's path, which has to be in one of the roots, if there are any. @throws DeployError denied. */
async function realDirectory({ path, roots }: Directory): Promise<string> {
  const real = await realpath(path);
  if (roots === undefined) return real;
  for (const root of roots) {
    const top = await realpath(root);
    if (real === top || real.startsWith(top.endsWith(sep) ? top : top + sep)) return real;
  }
  throw new DeployError('denied', `${path} leads to ${real}, which is in none of ${roots.join(', ')}`, {
    hint: 'sources of this host are read below -track-files only',
  });
}

async function openArtifact(
  where: Directory,
  artifact: Artifact,
  opening: { readonly from: OpenFrom; readonly signal: AbortSignal; readonly context: ObjectContext },
): Promise<OpenedObject> {
  const parts = artifact.id.split('/');
  if (parts.length !== 2 || parts.some((part) => !/^[^.\0][^\0]*$/.test(part))) {
    throw new DeployError('not-found', `there is no artifact ${JSON.stringify(artifact.id)}`);
  }
  if (opening.signal.aborted) throw new DeployError('cancelled', `${artifact.id} was given up`);
  const path = join(where.path, ...parts);
  if (where.roots === undefined) return openFileBy(() => openRegularFile(path), path, opening);
  const real = await realDirectory(where).catch((error: unknown) =>
    Promise.reject(fileError(error, where.path)),
  );
  return openFileBy(() => openExactly(join(real, ...parts)), path, opening);
}

/** Opens a file whose path has no symlink. The kernel tells which file it opened, so nobody can put one in meanwhile. */
function openExactly(path: string): number {
  const fd = openRegularFile(path, 'no symlink');
  if (readlinkSync(`/proc/self/fd/${fd}`) === path) return fd;
  closeSync(fd);
  throw new DeployError('denied', 'there is a symlink in its path');
}

async function readIfThere(path: string): Promise<string[]> {
  return (await readdir(path).catch(ignoreMissing)) ?? [];
}

function ignoreMissing(error: unknown): undefined {
  if (isMissing(error)) return undefined;
  throw error;
}

function tooMany(path: string, limit: number): DeployError {
  return new DeployError('too-large', `there are more than ${limit} names in ${path}`, {
    hint: 'give the directory whose subdirectories are the versions',
  });
}

function fileError(error: unknown, path: string): DeployError {
  const code = errnoOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new DeployError('not-found', `${path} is not there`, { cause: error });
  }
  if (code === 'EACCES') {
    return new DeployError('denied', `${path} may not be read`, {
      hint: 'let the user that this program runs as read it',
      cause: error,
    });
  }
  return toDeployError(error);
}
