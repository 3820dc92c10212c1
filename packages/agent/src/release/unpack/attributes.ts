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
import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import { type FsTime, fsTime } from './file-times.js';
import type { Ownership } from './tree-task.js';

/** What is set on a file besides its content. */
export interface Attributes {
  /** Permission bits, and setuid, setgid and sticky where the policy lets them pass. */
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

/** Of a symlink, which has no mode, or of a FIFO or device, which has its mode from the start. */
export function setNodeAttributes(path: string | Buffer, attributes: Attributes, ownership: Ownership): void {
  if (ownership === 'archive') lchownSync(path, attributes.uid, attributes.gid);
  lutimesSync(path, attributes.time, attributes.time);
}

/**
 * Of the root of a release. It keeps the mode that it was made with: that of an archive's `./` is what the directory that was
 * packed had by chance, such as 0700 of mktemp(1), and would close the release to its services.
 */
export function setRootAttributes(root: string | Buffer, attributes: Attributes, ownership: Ownership): void {
  setDirectoryAttributes(root, { ...attributes, mode: lstatSync(root).mode & 0o7777 }, ownership);
}

/** When nothing is made in it any more: that would change its time, and the mode may close it. */
export function setDirectoryAttributes(
  path: string | Buffer,
  attributes: Attributes,
  ownership: Ownership,
): void {
  if (ownership === 'archive') lchownSync(path, attributes.uid, attributes.gid);
  utimesSync(path, attributes.time, attributes.time);
  chmodSync(path, attributes.mode);
}
