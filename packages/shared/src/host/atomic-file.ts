import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Replaces a file so that a reader, or a restart after power loss, finds the old content or the new, never a part:
 * temporary file beside it, fsync, rename, fsync of the directory.
 */
export function writeFileAtomic(path: string, content: string | Uint8Array, mode = 0o644): void {
  const temporary = temporaryBeside(path);
  try {
    const fd = openSync(temporary, 'wx', mode);
    try {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/** A fresh name beside a path, for what is to take its name by rename. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
}

/**
 * Removes what processes that were killed left of temporary files: {@link temporaryBeside}. Nobody may be writing there.
 * @param isOurs whether a file of this name is one whose temporary ones are meant.
 */
export function removeTemporaries(dir: string, isOurs: (name: string) => boolean): void {
  if (!existsSync(dir)) return;
  for (const found of readdirSync(dir)) {
    const name = /^\.(.+)\.[0-9a-f]{12}\.tmp$/.exec(found)?.[1];
    if (name !== undefined && isOurs(name)) rmSync(join(dir, found), { force: true });
  }
}

/** Makes renames and new names in a directory survive power loss. */
export function syncDirectory(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
