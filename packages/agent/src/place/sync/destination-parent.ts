import { realpathSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { byteName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { makeDirectory } from '@deploy-tools/shared/host/make-directory.js';
import { HeldDirectory } from '../../release/unpack/held-directory.js';

/**
 * Holds the directory that a destination is in, so that everything is done in the one that was looked at. Directories that are
 * missing are made (0755); symlinks on the way to it are looked through.
 * @param to absolute. @throws system errors.
 */
export function holdParent(to: string): HeldDirectory {
  makeDirectory(dirname(to), 0o755);
  return new HeldDirectory(byteName(realpathSync(dirname(to))));
}

/** Whether nobody but root, our user and our group may say what has which name in a directory. */
export function isOursAlone({ uid, gid, mode }: Stats): boolean {
  const others = gid === process.getegid?.() ? 0o002 : 0o022;
  return isOurs(uid) && (mode & others) === 0;
}

/** Whether it is root's or our user's. */
export function isOurs(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

/**
 * A symlink leads to where its maker wants. Root would remove and write there.
 * @param path of a symlink. @param parent of the directory that it is in.
 * @throws DeployError unsafe where somebody else may have made it.
 */
export function requireOurSymlink(path: string, parent: Stats, hint: string): void {
  if (isOursAlone(parent)) return;
  throw new DeployError('unsafe', `${path} is a symlink, and others may change where it leads`, { hint });
}
