import {
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  rmdirSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { type ByteName, byteName, fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import type { TreeCounts } from './tree-task.js';

/** Linux: a handle on a directory itself, which needs no permission on it (open(2)); node:fs has no name for it. */
const O_PATH = 0o10000000;
const HOLD_DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Removes a directory and all in it, whatever the modes, or a single file; a missing one is not an error. Every step goes
 * through a handle on the directory (`/proc/self/fd`), so a program that still runs there and swaps a directory for
 * a symlink cannot turn the removal to somewhere else.
 */
export function removeTreeSync(path: string): TreeCounts {
  const root = byteName(path);
  const found = lstatSync(fsPath(root), { throwIfNoEntry: false });
  if (found === undefined) return { entries: 0, bytes: 0, stripped: 0 };
  const entries = found.isDirectory() ? removeDirectory(root) : removeFile(root);
  return { entries, bytes: 0, stripped: 0 };
}

function removeDirectory(path: ByteName): number {
  const fd = openSync(fsPath(path), HOLD_DIRECTORY);
  let entries = 1;
  try {
    const held = `/proc/self/fd/${fd}`;
    for (const { name, isDirectory } of listWritable(held)) {
      const child = `${held}/${name}`;
      entries += isDirectory ? removeDirectory(child) : removeFile(child);
    }
  } finally {
    closeSync(fd);
  }
  rmdirSync(fsPath(path));
  return entries;
}

function removeFile(path: ByteName): number {
  unlinkSync(fsPath(path));
  return 1;
}

/** Lists a directory after giving its owner the rights to empty it, where they are missing. */
function listWritable(held: string): { name: ByteName; isDirectory: boolean }[] {
  if ((statSync(held).mode & 0o700) !== 0o700) makeWritable(held);
  const found = readdirSync(held, { encoding: 'latin1', withFileTypes: true });
  return found.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
}

/** Somebody else's directory stays as it is: if its mode matters, removing its content says so. */
function makeWritable(held: string): void {
  try {
    chmodSync(held, 0o700);
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
  }
}
