import { chmodSync, lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { type ByteName, byteName, fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { HeldDirectory } from './held-directory.js';
import type { TreeCounts } from './tree-task.js';

/**
 * Removes a directory with its content, whatever the modes, or a single file; a missing one is not an error. Every step goes
 * through a handle on the directory, so a program that still runs there and replaces a directory by a symlink cannot
 * redirect the removal.
 */
export function removeTreeSync(path: string): TreeCounts {
  const root = byteName(path);
  const found = lstatSync(fsPath(root), { throwIfNoEntry: false });
  const entries = found === undefined ? 0 : removeAny(root, found.isDirectory());
  return { entries, bytes: 0, stripped: 0 };
}

/** @returns how many entries were removed. */
function removeAny(path: ByteName, isDirectory: boolean): number {
  let entries = 1;
  if (!isDirectory) unlinkSync(fsPath(path));
  else {
    const held = new HeldDirectory(path);
    try {
      makeWritable(held);
      for (const child of readdirSync(held.self, { encoding: 'latin1', withFileTypes: true }))
        entries += removeAny(held.at(child.name), child.isDirectory());
    } finally {
      held.close();
    }
    rmdirSync(fsPath(path));
  }
  return entries;
}

/** Gives the owner the rights to empty a directory. For another user's directory the removal itself reports the reason. */
function makeWritable({ stats, self }: HeldDirectory): void {
  if ((stats.mode & 0o700) === 0o700) return;
  try {
    chmodSync(self, 0o700);
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
  }
}
