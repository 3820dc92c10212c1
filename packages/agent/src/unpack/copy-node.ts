import { spawnSync } from 'node:child_process';
import {
  type BigIntStats,
  chmodSync,
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

/** What is taken over besides the content. */
type Attributes = Pick<BigIntStats, 'mode' | 'uid' | 'gid' | 'mtimeNs'>;

const NS_PER_SECOND = 1_000_000_000n;

/**
 * Copies a file, symlink or special file to a name that is free, in a directory that only we can write to.
 * @param stats of the source.
 * @throws system errors; DeployError unsupported for a socket.
 */
export function copyNode(from: ByteName, to: ByteName, stats: BigIntStats): void {
  if (stats.isFile())
    copyFileSync(fsPath(from), fsPath(to), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  else if (stats.isSymbolicLink()) symlinkSync(readlinkSync(fsPath(from), 'buffer'), fsPath(to));
  else makeSpecial(to, stats);
  takeOwner(to, stats);
  if (!stats.isSymbolicLink()) chmodSync(fsPath(to), Number(stats.mode & 0o7777n));
  const time = timeOf(stats);
  lutimesSync(fsPath(to), time, time);
}

/** When all that is in the directory is done. @param path of the directory itself, or of a handle on it. */
export function takeDirectoryAttributes(path: string, source: Attributes): void {
  takeOwner(path, source);
  const time = timeOf(source);
  utimesSync(path, time, time);
  chmodSync(path, Number(source.mode & 0o7777n));
}

/** As far as we may: root gives both, others the group where they belong to it, as rsync -a does. */
function takeOwner(path: ByteName, { uid, gid }: Attributes): void {
  const isRoot = process.geteuid?.() === 0;
  const mayGroup = isRoot || process.getgroups?.().includes(Number(gid)) === true;
  if (mayGroup) lchownSync(fsPath(path), isRoot ? Number(uid) : -1, Number(gid));
}

/** Node.js has no call for it, so the system's `mknod` does it; the handle on the directory is passed on to it. */
function makeSpecial(to: ByteName, stats: BigIntStats): void {
  if (stats.isSocket()) throw new DeployError('unsupported', 'it is a socket', { hint: 'leave it out' });
  const device = stats.rdev;
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn);
  const kind = stats.isFIFO() ? ['p'] : [stats.isBlockDevice() ? 'b' : 'c', String(major), String(minor)];
  const path = to.replace('/proc/self/', `/proc/${process.pid}/`);
  const made = spawnSync('mknod', ['--', path, ...kind], { encoding: 'utf8' });
  if (made.error !== undefined)
    throw new DeployError('unsupported', `mknod cannot be run: ${made.error.message}`, { cause: made.error });
  if (made.status !== 0) throw new DeployError('denied', made.stderr.trim());
}

function timeOf({ mtimeNs }: Attributes) {
  const rest = ((mtimeNs % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  return fsTime(Number((mtimeNs - rest) / NS_PER_SECOND), Number(rest));
}
