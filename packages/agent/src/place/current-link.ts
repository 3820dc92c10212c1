import { readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { syncDirectory, temporaryBeside } from '@deploy-tools/shared/host/atomic-file.js';

/**
 * Points `<dir>/current` to a release in one step: a reader finds the one before or this one. The link is relative, so
 * that the directory can be seen under another path.
 * @throws the system's error, such as when something that is no link has the name.
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
