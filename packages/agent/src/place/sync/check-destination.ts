import { lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { byteName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { makeDirectory } from '@deploy-tools/shared/host/make-directory.js';
import { HeldDirectory } from '../../release/unpack/held-directory.js';
import { releasesOf } from './destination-paths.js';
import type { SyncStrategy } from './sync-request.js';

/**
 * Fails where something would keep a tree from its destination.
 * @throws DeployError exists; unsafe where another user can redirect the sync.
 */
export function checkDestination(to: string, strategy: SyncStrategy): void {
  const there = lstatSync(to, { throwIfNoEntry: false });
  if (strategy === 'release') checkReleases(releasesOf(to));
  if (there !== undefined) CHECKS[strategy](to, there);
}

const CHECKS: Readonly<Record<SyncStrategy, (to: string, there: Stats) => void>> = {
  mv: (to) => {
    throw new DeployError('exists', `${to} exists, and mv puts a tree only where nothing is`, {
      hint: 'move it away before, or use the strategy rsync or release',
    });
  },
  release: (to, there) => {
    if (there.isSymbolicLink()) return;
    throw new DeployError('exists', `${to} is no symlink, so it cannot be switched to a release`, {
      hint: `move it away once, or use the strategy rsync: mv ${to} ${to}.before`,
    });
  },
  rsync: (to, there) => {
    if (!isDirectory(to))
      throw new DeployError('exists', `${to} is not a directory`, { hint: 'move it away, or name another' });
    if (there.isSymbolicLink())
      requireOurSymlink(to, statSync(dirname(to)), 'name the directory itself that it leads to');
  },
};

/** @param dir of the releases, which need not exist. */
function checkReleases(dir: string): void {
  const found = lstatSync(dir, { throwIfNoEntry: false });
  if (found?.isSymbolicLink() === true)
    requireOurSymlink(dir, statSync(dirname(dir)), 'make it a directory, or have it made by moving it away');
  const stats = statSync(dir, { throwIfNoEntry: false });
  if (stats !== undefined) requireOurReleases(dir, stats);
}

/** Refuses a directory of releases that another user owns. @throws DeployError exists, unsafe. */
export function requireOurReleases(dir: string, stats: Stats): void {
  if (!stats.isDirectory())
    throw new DeployError('exists', `${dir} is not a directory`, {
      hint: `move it away: mv ${dir} ${dir}.before`,
    });
  if (isOurs(stats.uid)) return;
  const why = `${dir} belongs to the user ${stats.uid}, who could exchange releases in it`;
  throw new DeployError('unsafe', why, {
    hint: `look what is in it; then move it away, or have it ours: chown ${process.geteuid?.()} ${dir}`,
  });
}

/** Whether a path is a directory, or a symlink to one. */
export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/**
 * Holds the parent directory of a destination: all work happens in the directory that was checked. Makes missing directories (0755)
 * and resolves symlinks on the way.
 * @param to absolute. @throws system errors.
 */
export function holdParent(to: string): HeldDirectory {
  makeDirectory(dirname(to), 0o755);
  return new HeldDirectory(byteName(realpathSync(dirname(to))));
}

/**
 * Holds a directory in a held one, and makes it where it is missing. Follows a symlink only where no other user can have made it.
 * @throws system errors, such as ELOOP for another user's symlink.
 */
export function holdIn(parent: HeldDirectory, name: string, mode: number): HeldDirectory {
  const path = join(parent.self, name);
  makeDirectory(path, mode);
  return new HeldDirectory(byteName(isOursAlone(parent.stats) ? realpathSync(path) : path));
}

/** Whether only root, our user and our group can change the names in a directory. */
function isOursAlone({ uid, gid, mode }: Stats): boolean {
  const others = gid === process.getegid?.() ? 0o002 : 0o022;
  return isOurs(uid) && (mode & others) === 0;
}

/** Whether a user is root or ours. */
function isOurs(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

/**
 * Refuses a symlink that another user may have made: root would write and remove where that user wants.
 * @param parent of the directory that the symlink is in.
 * @throws DeployError unsafe.
 */
function requireOurSymlink(path: string, parent: Stats, hint: string): void {
  if (isOursAlone(parent)) return;
  throw new DeployError('unsafe', `${path} is a symlink, and others may change where it leads`, { hint });
}
