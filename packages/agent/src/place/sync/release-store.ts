import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { byteName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { makeDirectory } from '@deploy-tools/shared/host/make-directory.js';
import { HeldDirectory } from '../../release/unpack/held-directory.js';
import { isOurs, isOursAlone, requireOurSymlink } from './destination-parent.js';
import { releasesOf } from './destination-paths.js';

/**
 * Says whether the directory of a destination's releases, where it is there, is one to write to and to remove from.
 * @throws DeployError unsafe, exists.
 */
export function checkReleases(to: string): void {
  const dir = releasesOf(to);
  const found = lstatSync(dir, { throwIfNoEntry: false });
  if (found?.isSymbolicLink() === true)
    requireOurSymlink(dir, statSync(dirname(dir)), 'make it a directory, or have it made by moving it away');
  const stats = statSync(dir, { throwIfNoEntry: false });
  if (stats !== undefined) requireOurs(dir, stats);
}

/**
 * Holds the directory of a destination's releases, which is made where it is missing (0755).
 * @param parent of the directory that the destination is in.
 * @throws as {@link checkReleases}; system errors.
 */
export function holdReleases(to: string, parent: HeldDirectory): HeldDirectory {
  const path = join(parent.self, basename(releasesOf(to)));
  checkReleases(to);
  makeDirectory(path, 0o755);
  const held = new HeldDirectory(byteName(isOursAlone(parent.stats) ? realpathSync(path) : path));
  try {
    requireOurs(releasesOf(to), held.stats);
    return held;
  } catch (error) {
    held.close();
    throw error;
  }
}

function requireOurs(dir: string, stats: Stats): void {
  if (!stats.isDirectory())
    throw new DeployError('exists', `${dir} is not a directory`, {
      hint: `move it away: mv ${dir} ${dir}.before`,
    });
  if (isOurs(stats.uid)) return;
  const us = process.geteuid?.();
  throw new DeployError(
    'unsafe',
    `${dir} belongs to the user ${stats.uid}, who could exchange releases in it`,
    {
      hint: `look what is in it; then move it away, or have it ours: chown ${us} ${dir}`,
    },
  );
}
