import { spawnSync } from 'node:child_process';
import {
  type BigIntStats,
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  lchownSync,
  lutimesSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { type ByteName, fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { fsTime } from './file-times.js';
import { byHandle, pathForPrograms } from './held-directory.js';

/** What is taken over besides the content. */
type Attributes = Pick<BigIntStats, 'mode' | 'uid' | 'gid' | 'mtimeNs'>;

const NS_PER_SECOND = 1_000_000_000n;

/**
 * Copies a file, symlink or special file to a name that is free, in a directory that only we can write to.
 * @param stats of the source.
 * @throws system errors; DeployError unsupported for a socket.
 */
export function copyNode(from: ByteName, to: ByteName, stats: BigIntStats): void {
  const time = timeOf(stats);
  if (stats.isSymbolicLink()) {
    symlinkSync(readlinkSync(fsPath(from), 'buffer'), fsPath(to));
    takeOwner(to, stats, lchownSync);
    lutimesSync(fsPath(to), time, time);
    return;
  }
  if (stats.isFile()) copyContent(from, to, stats);
  else makeSpecial(to, stats);
  byHandle(to, (path) => {
    takeOwner(path, stats, chownSync);
    chmodSync(path, Number(stats.mode & 0o7777n));
    utimesSync(path, time, time);
  });
}

/** Of the very file that was looked at: the directory's owner may have exchanged it for a symlink to one of root's. */
function copyContent(from: ByteName, to: ByteName, { dev, ino }: BigIntStats): void {
  byHandle(from, (path, found) => {
    if (found.dev !== dev || found.ino !== ino)
      throw new DeployError('conflict', 'somebody has exchanged it meanwhile', {
        hint: 'look who may write to the release',
      });
    copyFileSync(path, fsPath(to), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  });
}

/** When all that is in the directory is done. @param path of the directory itself, or of a handle on it. */
export function takeDirectoryAttributes(path: string, source: Attributes): void {
  takeOwner(path, source, chownSync);
  const time = timeOf(source);
  utimesSync(path, time, time);
  chmodSync(path, Number(source.mode & 0o7777n));
}

/** As far as we may: root gives both, others the group where they belong to it, as rsync -a does. */
function takeOwner(path: ByteName, { uid, gid }: Attributes, give: typeof chownSync): void {
  const isRoot = process.geteuid?.() === 0;
  const mayGroup = isRoot || process.getgroups?.().includes(Number(gid)) === true;
  if (mayGroup) give(fsPath(path), isRoot ? Number(uid) : -1, Number(gid));
}

/** Node.js has no call for it, so the system's `mknod` does it; the handle on the directory is passed on to it. */
function makeSpecial(to: ByteName, stats: BigIntStats): void {
  if (stats.isSocket()) throw new DeployError('unsupported', 'it is a socket', { hint: 'leave it out' });
  const device = stats.rdev;
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn);
  const kind = stats.isFIFO() ? ['p'] : [stats.isBlockDevice() ? 'b' : 'c', String(major), String(minor)];
  const made = spawnSync('mknod', ['--', pathForPrograms(to), ...kind], { encoding: 'utf8' });
  if (made.error !== undefined)
    throw new DeployError('unsupported', `mknod cannot be run: ${made.error.message}`, { cause: made.error });
  if (made.status !== 0) throw new DeployError('denied', made.stderr.trim());
}

function timeOf({ mtimeNs }: Attributes) {
  const rest = ((mtimeNs % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  return fsTime(Number((mtimeNs - rest) / NS_PER_SECOND), Number(rest));
}
