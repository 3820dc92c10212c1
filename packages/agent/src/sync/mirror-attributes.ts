import { type BigIntStats, chmodSync, lchownSync, lutimesSync, utimesSync } from 'node:fs';
import { type ByteName, fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import { fsTime } from '../unpack/file-times.js';

/** What a directory takes over. */
export type MirroredAttributes = Pick<BigIntStats, 'mode' | 'uid' | 'gid' | 'mtimeNs'>;

/**
 * Owner and group as far as we may: root gives both, others the group where they belong to it, as rsync -a does.
 * @returns whether something was changed, which takes setuid and setgid bits away.
 */
function takeOwner(
  path: ByteName,
  source: MirroredAttributes,
  there: MirroredAttributes | undefined,
): boolean {
  const isRoot = process.geteuid?.() === 0;
  const uid = isRoot ? Number(source.uid) : -1;
  const mayGroup = isRoot || process.getgroups?.().includes(Number(source.gid)) === true;
  const gid = mayGroup ? Number(source.gid) : -1;
  const isSame =
    there !== undefined && (uid < 0 || there.uid === source.uid) && (gid < 0 || there.gid === source.gid);
  if (isSame || (uid < 0 && gid < 0)) return false;
  lchownSync(fsPath(path), uid, gid);
  return true;
}

/**
 * Owner, mode and time of a file, symlink or special file.
 * @param there how it is now; undefined where it was just made.
 * @param exactTime false: a time of the same second will do, as it does for rsync.
 */
export function setNodeAttributes(
  path: ByteName,
  source: BigIntStats,
  there: BigIntStats | undefined,
  exactTime: boolean,
): void {
  const isChanged = takeOwner(path, source, there);
  const mode = source.mode & 0o7777n;
  if (!source.isSymbolicLink() && (isChanged || there === undefined || (there.mode & 0o7777n) !== mode))
    chmodSync(fsPath(path), Number(mode));
  if (there === undefined || !isSameTime(source, there, exactTime)) {
    const time = timeOf(source);
    lutimesSync(fsPath(path), time, time);
  }
}

/** Of a directory, when all that is in it is done. @param path ends with a name that is no symlink. */
export function setDirectoryAttributes(path: string, source: MirroredAttributes): void {
  takeOwner(path, source, undefined);
  const time = timeOf(source);
  utimesSync(path, time, time);
  chmodSync(path, Number(source.mode & 0o7777n));
}

/** @param exact to the microsecond, which is what Node.js can set; else to the second. */
export function isSameTime(a: MirroredAttributes, b: MirroredAttributes, exact: boolean): boolean {
  const unit = exact ? 1000n : 1_000_000_000n;
  return floored(a.mtimeNs, unit) === floored(b.mtimeNs, unit);
}

function timeOf({ mtimeNs }: MirroredAttributes) {
  const seconds = floored(mtimeNs, 1_000_000_000n);
  return fsTime(Number(seconds), Number(mtimeNs - seconds * 1_000_000_000n));
}

function floored(value: bigint, unit: bigint): bigint {
  const quotient = value / unit;
  return value % unit < 0n ? quotient - 1n : quotient;
}
