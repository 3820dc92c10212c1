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
 * Replaces a file atomically: temporary file beside it, fsync, rename, fsync of the directory. A reader, or a restart after power
 * loss, finds the old content or the new content, never a part.
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

/** A new name in the directory of a path, for a file that will be renamed to the path. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
}

/**
 * Removes the temporary files ({@link temporaryBeside}) of killed processes. No process may be writing to the directory.
 * @param isOurs returns whether the temporary files of this name are to be removed.
 */
export function removeTemporaries(dir: string, isOurs: (name: string) => boolean): void {
  if (!existsSync(dir)) return;
  for (const found of readdirSync(dir)) {
    const name = /^\.(.+)\.[0-9a-f]{12}\.tmp$/.exec(found)?.[1];
    if (name !== undefined && isOurs(name)) rmSync(join(dir, found), { force: true });
  }
}

/** Syncs a directory: its new and renamed files then survive power loss. */
export function syncDirectory(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
