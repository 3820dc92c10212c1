import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError, isMissing, toDeployError } from '@deploy-tools/shared/errors.js';
import type { StoredFile, StoredFileInfo } from './stored-file.js';

const HASH = /^[0-9a-f]{64}$/;

/** A directory of files named by their hash; anything else in it is overlooked. */
export interface HashDirectory {
  readonly dir: string;
  /** What one of the files is called in messages. */
  readonly what: string;
}

/** The path of a file, there or not. Nothing but a hash becomes one. @throws DeployError invalid. */
export function pathOf({ dir, what }: HashDirectory, hash: string): string {
  if (!HASH.test(hash)) {
    throw new DeployError('invalid', `the name of the ${what} is not 64 lower-case hex digits`);
  }
  return join(dir, hash);
}

/** In the order of their hashes. */
export async function listFiles(directory: HashDirectory): Promise<StoredFileInfo[]> {
  const infos: StoredFileInfo[] = [];
  for (const name of (await readdir(directory.dir)).sort()) {
    const info = HASH.test(name) ? await statFile(directory, name) : undefined;
    if (info !== undefined) infos.push(info);
  }
  return infos;
}

export async function statFile(directory: HashDirectory, hash: string): Promise<StoredFileInfo | undefined> {
  const path = pathOf(directory, hash);
  try {
    const { size, mtimeMs } = await stat(path);
    return { hash, size, mtime: Math.floor(mtimeMs / 1000) };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw toDeployError(error);
  }
}

/** @throws DeployError not-found. */
export async function openFile(directory: HashDirectory, hash: string): Promise<StoredFile> {
  const path = pathOf(directory, hash);
  try {
    const file = await open(path, 'r');
    const { size, mtimeMs } = await file.stat();
    return {
      size,
      mtime: Math.floor(mtimeMs / 1000),
      read: async (target, position) => (await file.read(target, 0, target.length, position)).bytesRead,
      close: () => file.close(),
    };
  } catch (error) {
    throw isMissing(error) ? noSuchFile(directory, hash) : toDeployError(error);
  }
}

export function noSuchFile({ what }: HashDirectory, hash: string): DeployError {
  return new DeployError('not-found', `no ${what} ${hash}`);
}
