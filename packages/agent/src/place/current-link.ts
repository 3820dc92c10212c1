import { readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { syncDirectory, temporaryBeside } from '@deploy-tools/shared/host/atomic-file.js';

/**
 * Switches a symlink, such as `<dir>/current`, to a release in one step: a reader finds the previous release or this one. The link is
 * relative, so that it also works where the directory is mounted elsewhere.
 * @throws system errors, such as for another file of this name.
 */
export function pointCurrent(path: string, root: string): void {
  const target = relative(dirname(path), root);
  if (targetOf(path) === target) return;
  const fresh = temporaryBeside(path);
  try {
    symlinkSync(target, fresh);
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (['ENOENT', 'EINVAL'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}
