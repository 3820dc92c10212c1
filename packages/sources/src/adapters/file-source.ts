import type { Stats } from 'node:fs';
import { opendir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DeployError, errnoOf, toDeployError } from '@deploy-tools/shared/errors.js';
import { openFile } from '../objects/file-object.js';
import type { ObjectContext } from '../objects/object-context.js';
import type { OpenedObject, OpenFrom } from '../opened-object.js';
import type { Artifact, Listing, Source, SourceRelease } from '../source.js';
import type { SourceContext } from '../source-context.js';
import type { SourcePlace } from '../source-place.js';

const DEFAULT_TIMEOUT_MS = 60_000;
/** Far beyond any directory of releases, and what keeps a wrong one from filling memory. */
const MAX_RELEASES = 10_000;
const MAX_ARTIFACTS = 1000;

/**
 * A directory of releases, `<directory>/<version>/<artifact>`. Names that begin with a dot are left out: a release or
 * artifact is complete when it got its name by rename.
 */
export function openFileSource(
  label: string,
  place: SourcePlace & { scheme: 'file' },
  { environment, timeoutMs = DEFAULT_TIMEOUT_MS }: SourceContext,
): Source {
  const objects = { environment, headerTimeoutMs: timeoutMs, idleTimeoutMs: timeoutMs };
  return {
    label,
    kind: 'files',
    list: async (known, signal) => listDirectory(place.directory, known, signal),
    open: (artifact, from, signal) => openArtifact(place.directory, artifact, from, signal, objects),
  };
}

async function listDirectory(
  directory: string,
  known: Listing | undefined,
  signal: AbortSignal,
): Promise<Listing> {
  const releases: SourceRelease[] = [];
  try {
    for await (const entry of await opendir(directory)) {
      signal.throwIfAborted();
      if (entry.name.startsWith('.')) continue;
      const release = await readRelease(join(directory, entry.name), entry.name);
      if (release !== undefined) releases.push(release);
      if (releases.length > MAX_RELEASES) throw tooMany(directory, MAX_RELEASES);
    }
  } catch (error) {
    throw fileError(error, directory);
  }
  releases.sort((a, b) => (a.tag < b.tag ? -1 : 1));
  const validator = JSON.stringify(releases);
  return known?.validator === validator ? known : { releases, validator };
}

/** Undefined for what is no directory, and for one that went while it was looked at. */
async function readRelease(path: string, tag: string): Promise<SourceRelease | undefined> {
  const stats = await statIfThere(path);
  if (stats?.isDirectory() !== true) return undefined;
  const names = (await readIfThere(path)).filter((name) => !name.startsWith('.')).sort();
  if (names.length > MAX_ARTIFACTS) throw tooMany(path, MAX_ARTIFACTS);
  const artifacts: Artifact[] = [];
  for (const name of names) {
    const file = await statIfThere(join(path, name));
    if (file?.isFile() !== true) continue;
    artifacts.push({ name, id: `${tag}/${name}`, size: file.size, digest: undefined });
  }
  return { tag, prerelease: false, created: stats.mtime.toISOString(), artifacts };
}

async function openArtifact(
  directory: string,
  artifact: Artifact,
  from: OpenFrom,
  signal: AbortSignal,
  context: ObjectContext,
): Promise<OpenedObject> {
  const parts = artifact.id.split('/');
  if (
    parts.length !== 2 ||
    parts.some((part) => part === '' || part.startsWith('.') || part.includes('\0'))
  ) {
    throw new DeployError('not-found', `there is no artifact ${JSON.stringify(artifact.id)}`);
  }
  if (signal.aborted) throw new DeployError('cancelled', `${artifact.id} was given up`);
  return openFile(pathToFileURL(join(directory, ...parts)), from, signal, context);
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  return stat(path).catch(ignoreMissing);
}

async function readIfThere(path: string): Promise<string[]> {
  return (await readdir(path).catch(ignoreMissing)) ?? [];
}

function ignoreMissing(error: unknown): undefined {
  if (errnoOf(error) === 'ENOENT') return undefined;
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
