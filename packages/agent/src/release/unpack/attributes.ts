import {
  chmodSync,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  utimesSync,
} from 'node:fs';
import { type ByteName, fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import { type FsTime, fsTime } from './file-times.js';
import type { Ownership } from './tree-task.js';

export interface Attributes {
  /** Permission bits, and setuid, setgid and sticky where the policy allows them. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly time: FsTime;
}

export function attributesOf(entry: SafeEntry): Attributes {
  const { mode, uid, gid } = entry;
  return { mode, uid, gid, time: fsTime(entry.mtimeSeconds, entry.mtimeNanoseconds) };
}

/** After the last write. The mode is always set: umask and default ACLs would change what open() is given. */
export function setFileAttributes(fd: number, attributes: Attributes, ownership: Ownership): void {
  if (ownership === 'archive') fchownSync(fd, attributes.uid, attributes.gid);
  fchmodSync(fd, attributes.mode);
  futimesSync(fd, attributes.time, attributes.time);
}

/** For a symlink, which has no mode, or for a FIFO or device, which was made with its mode. */
export function setNodeAttributes(path: string | Buffer, attributes: Attributes, ownership: Ownership): void {
  if (ownership === 'archive') lchownSync(path, attributes.uid, attributes.gid);
  lutimesSync(path, attributes.time, attributes.time);
}

export interface ReleaseDirectory {
  readonly root: ByteName;
  /** Below the root; empty for the root itself. */
  readonly path: ByteName;
}

/**
 * Sets a directory's attributes after the last entry in it is made: an entry changes the time, and the mode may close the
 * directory. The root keeps the mode that it was made with: the mode of an archive's `./` is accidental, such as 0700 of
 * mktemp(1), and would close the release to its services.
 */
export function setDirectoryAttributes(
  { root, path }: ReleaseDirectory,
  attributes: Attributes,
  ownership: Ownership,
): void {
  const at = fsPath(path === '' ? root : `${root}/${path}`);
  const mode = path === '' ? lstatSync(at).mode & 0o7777 : attributes.mode;
  if (ownership === 'archive') lchownSync(at, attributes.uid, attributes.gid);
  utimesSync(at, attributes.time, attributes.time);
  chmodSync(at, mode);
}
