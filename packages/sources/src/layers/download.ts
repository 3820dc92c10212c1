import { type FileHandle, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DeployError, isDeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { checkSpace } from '@deploy-tools/shared/host/free-space.js';
import * as z from 'zod/mini';
import type { OpenedObject, OpenFrom } from '../opened-object.js';
import type { Artifact, Source, SourceRelease } from '../source.js';

/** An artifact of a release, and the file that it is fetched into. */
export interface ArtifactFile {
  readonly source: Source;
  readonly release: SourceRelease;
  readonly artifact: Artifact;
  /** Absolute. */
  readonly path: string;
}

/** Broken transfers that are resumed at once: in all, and in a row without a new byte. */
const MAX_BREAKS = 20;
const MAX_FRUITLESS_BREAKS = 3;

/**
 * Downloads an artifact into a file, and resumes the partial download of an earlier call. `<path>.json` beside the file notes
 * the artifact that it is a part of.
 * @returns the size in bytes. The content is not verified.
 * @throws DeployError as Source; corrupt, when the size is not the listed one; too-large; no-space. After the last three the file is gone.
 */
export async function download(target: ArtifactFile, maxBytes: number, signal: AbortSignal): Promise<number> {
  const { artifact, path } = target;
  try {
    if ((artifact.size ?? 0) > maxBytes) throw tooLarge(artifact, maxBytes);
    if (await isComplete(artifact, path)) return await sizeOf(path);
    let fruitless = 0;
    for (let breaks = 1; ; breaks++) {
      const before = await sizeOf(path);
      const opened = await openRest(target, signal);
      try {
        return await readRest(opened, target, maxBytes);
      } catch (error) {
        fruitless = (await sizeOf(path)) > before ? 0 : fruitless + 1;
        if (!isBroken(error) || breaks === MAX_BREAKS || fruitless === MAX_FRUITLESS_BREAKS) throw error;
      }
    }
  } catch (error) {
    const failure = toDeployError(error);
    if (['too-large', 'no-space', 'corrupt'].includes(failure.kind)) await removeDownload(path);
    throw failure;
  }
}

/** Removes a file that `download` made, or a part of one. */
export async function removeDownload(path: string): Promise<void> {
  await Promise.all([rm(path, { force: true }), rm(notePath(path), { force: true })]);
}

async function openRest(
  { source, artifact, path }: ArtifactFile,
  signal: AbortSignal,
): Promise<OpenedObject> {
  const from = await beginning(artifact, path);
  const bytes = Math.max((artifact.size ?? 0) - from.offset, 0);
  await checkSpace(dirname(path), bytes, `the artifact ${artifact.name}`);
  return source.open(artifact, from, signal);
}

async function readRest(opened: OpenedObject, target: ArtifactFile, maxBytes: number): Promise<number> {
  const { artifact } = target;
  const total = await writeBody(opened, target, maxBytes);
  const expected = opened.size ?? artifact.size;
  if (expected !== undefined && total < expected) {
    throw new DeployError('connect', `${artifact.name} ended after ${total} of ${expected} bytes`);
  }
  if (total !== (artifact.size ?? total)) {
    throw new DeployError(
      'corrupt',
      `${artifact.name} has ${total} bytes where its source lists ${artifact.size}`,
    );
  }
  return total;
}

async function writeBody(
  opened: OpenedObject,
  { artifact, path }: ArtifactFile,
  maxBytes: number,
): Promise<number> {
  await writeFile(notePath(path), JSON.stringify({ id: artifact.id, validator: opened.validator }));
  const file: FileHandle = await open(path, 'a', 0o600);
  try {
    await truncate(path, opened.offset);
    let total = opened.offset;
    for await (const chunk of opened.body) {
      total += chunk.length;
      if (total > maxBytes) throw tooLarge(artifact, maxBytes);
      await file.writeFile(chunk);
    }
    await file.sync();
    return total;
  } finally {
    await file.close();
  }
}

/** Whether an earlier call had downloaded the whole artifact, which a digest then verifies. */
async function isComplete(artifact: Artifact, path: string): Promise<boolean> {
  if (artifact.digest === undefined || artifact.size !== (await sizeOf(path))) return false;
  return (await readNote(path))?.id === artifact.id;
}

/** Finds the offset to resume at: 0 unless a validator or digest will show that the content is still the same. */
async function beginning(artifact: Artifact, path: string): Promise<OpenFrom> {
  const size = await sizeOf(path);
  const note = size === 0 ? undefined : await readNote(path);
  const isPart = note?.id === artifact.id && size < (artifact.size ?? Number.POSITIVE_INFINITY);
  if (!isPart || (note.validator === undefined && artifact.digest === undefined)) {
    return { offset: 0 };
  }
  return { offset: size, validator: note.validator };
}

const noteSchema = z.object({ id: z.string(), validator: z.optional(z.string()) });

async function readNote(path: string): Promise<z.output<typeof noteSchema> | undefined> {
  try {
    return z.parse(noteSchema, JSON.parse(await readFile(notePath(path), 'utf8')));
  } catch {
    return undefined; // the download begins anew
  }
}

function notePath(path: string): string {
  return `${path}.json`;
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

function isBroken(error: unknown): boolean {
  const broken = isDeployError(error, 'connect') || isDeployError(error, 'timeout');
  return broken && error.retryAfterMs === undefined;
}

function tooLarge({ name }: Artifact, maxBytes: number): DeployError {
  return new DeployError('too-large', `${name} is larger than ${maxBytes} bytes`, {
    hint: 'raise the limit if this is meant to be',
  });
}
