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
import { timeOfStats } from './file-times.js';
import { byHandle } from './held-directory.js';
import { makeSpecialFile } from './special-file.js';

/** The attributes that a copy takes over from its source. */
export type SourceAttributes = Pick<BigIntStats, 'mode' | 'uid' | 'gid' | 'mtimeNs'>;

/**
 * Copies a file, symlink or special file to a free name in a directory that only we can write to.
 * @param stats of the source.
 * @throws system errors; DeployError unsupported for a socket.
 */
export function copyNode(from: ByteName, to: ByteName, stats: BigIntStats): void {
  if (stats.isSymbolicLink()) {
    const time = timeOfStats(stats);
    symlinkSync(readlinkSync(fsPath(from), 'buffer'), fsPath(to));
    takeOwner(to, stats, lchownSync);
    lutimesSync(fsPath(to), time, time);
    return;
  }
  if (stats.isFile()) copyContent(from, to, stats);
  else makeSpecial(to, stats);
  byHandle(to, (path) => takeAttributes(path, stats));
}

/** Copies the very file that was examined: the directory's owner may have exchanged it for a symlink to a file of root's. */
function copyContent(from: ByteName, to: ByteName, { dev, ino }: BigIntStats): void {
  byHandle(from, (path, found) => {
    if (found.dev !== dev || found.ino !== ino)
      throw new DeployError('conflict', 'somebody has exchanged it meanwhile', {
        hint: 'look who may write to the release',
      });
    copyFileSync(path, fsPath(to), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  });
}

/**
 * Gives a copy its owner, time and mode: for a directory after everything in it is done, since the mode may close it.
 * @param path of the copy itself, or of a handle on it; no symlink.
 */
export function takeAttributes(path: string, source: SourceAttributes): void {
  const time = timeOfStats(source);
  takeOwner(path, source, chownSync);
  utimesSync(path, time, time);
  chmodSync(path, Number(source.mode & 0o7777n));
}

/** As `rsync -a`: root gives owner and group, other users the group where they belong to it. */
function takeOwner(path: ByteName, { uid, gid }: SourceAttributes, give: typeof chownSync): void {
  const isRoot = process.geteuid?.() === 0;
  const mayGroup = isRoot || process.getgroups?.().includes(Number(gid)) === true;
  if (mayGroup) give(fsPath(path), isRoot ? Number(uid) : -1, Number(gid));
}

function makeSpecial(to: ByteName, stats: BigIntStats): void {
  if (stats.isSocket()) throw new DeployError('unsupported', 'it is a socket', { hint: 'leave it out' });
  const device = stats.rdev;
  const deviceMajor = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const deviceMinor = (device & 0xffn) | ((device >> 12n) & ~0xffn);
  const type = stats.isFIFO() ? 'fifo' : stats.isBlockDevice() ? 'block-device' : 'character-device';
  makeSpecialFile(fsPath(to), {
    type,
    deviceMajor: Number(deviceMajor),
    deviceMinor: Number(deviceMinor),
  });
}
