import { constants, copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReuseMethod } from './assemble-task.js';

/** Values of `-reuse`. */
export const REUSE_MODES = ['auto', 'reflink', 'hardlink', 'copy', 'off'] as const;
export type ReuseMode = (typeof REUSE_MODES)[number];

/**
 * How files are taken over.
 * @param dir a directory of the file system in question that is ours to write in.
 */
export function reuseMethod(mode: ReuseMode, dir: string): ReuseMethod {
  if (mode === 'hardlink') return 'hardlink';
  return (mode === 'auto' || mode === 'reflink') && canReflink(dir) ? 'reflink' : 'copy';
}

/** Whether files can share their blocks until one is changed (btrfs, XFS, bcachefs; FICLONE in ioctl_ficlone(2)). */
function canReflink(dir: string): boolean {
  const [original, clone] = [join(dir, 'original'), join(dir, 'clone')];
  try {
    writeFileSync(original, 'x');
    copyFileSync(original, clone, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false; // whatever the reason: copying works or says why not
  } finally {
    for (const path of [original, clone]) rmSync(path, { force: true });
  }
}
