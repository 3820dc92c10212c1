import { chmodSync, closeSync, constants, linkSync, lstatSync, openSync, symlinkSync } from 'node:fs';
import { fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import {
  attributesOf,
  setDirectoryAttributes,
  setFileAttributes,
  setNodeAttributes,
} from '../unpack/attributes.js';
import { makeSpecialFile } from '../unpack/special-file.js';
import { namingEntry, writeError } from '../unpack/write-error.js';
import type { AssemblePlace } from './assemble-place.js';
import type { AssembleTask, DirectoryJobs, FileJob } from './assemble-task.js';
import { attributesAt } from './attribute-columns.js';
import { writeWhole } from './write-chunks.js';

/** Makes an entry without content: a symlink, empty file, FIFO or device, or a directory without its attributes. */
export function makeEntry(place: AssemblePlace, entry: SafeEntry): void {
  try {
    if (entry.type === 'directory') {
      place.directory(entry.path);
      return;
    }
    const attributes = attributesOf(entry);
    if (entry.type === 'file') {
      writeWhole(place, { path: entry.path, ...attributes }, new Uint8Array(0));
      return;
    }
    const path = place.at(entry.path);
    if (entry.type === 'symlink') symlinkSync(fsPath(entry.linkTarget), path);
    else makeSpecialFile(path, entry, entry.mode);
    setNodeAttributes(path, attributes, place.ownership);
  } catch (error) {
    throw writeError(entry.path, error);
  }
}

/** Finishes files that were written in parts, and makes hard links. */
export function finishTree(place: AssemblePlace, task: AssembleTask & { kind: 'finish' }): void {
  for (const file of task.files) namingEntry(file.path, () => finishFile(place, file));
  for (const { path, existing } of task.links) {
    namingEntry(path, () => linkSync(fsPath(`${place.root}/${existing}`), place.at(path)));
  }
}

/**
 * Gives directories, in this order, their owners, times and modes.
 * @returns the file system's time when it was done, in nanoseconds since 1970.
 */
export function closeDirectories(place: AssemblePlace, { paths, attributes }: DirectoryJobs): bigint {
  for (const [row, path] of paths.entries()) {
    const own = attributesAt(attributes, row);
    namingEntry(path, () => setDirectoryAttributes({ root: place.root, path }, own, place.ownership));
  }
  return changeTime(fsPath(place.root));
}

/** Renews the root's ctime alone. */
function changeTime(root: string | Buffer): bigint {
  chmodSync(root, Number(lstatSync(root).mode) & 0o7777);
  return lstatSync(root, { bigint: true }).ctimeNs;
}

function finishFile(place: AssemblePlace, file: FileJob): void {
  const fd = openSync(place.at(file.path), constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    setFileAttributes(fd, file, place.ownership);
  } finally {
    closeSync(fd);
  }
}
