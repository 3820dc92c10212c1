import { chmodSync, closeSync, constants, linkSync, lstatSync, openSync, symlinkSync } from 'node:fs';
import { fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import { attributesOf, setFileAttributes, setNodeAttributes } from '../unpack/attributes.js';
import { DelayedDirectories } from '../unpack/delayed-directories.js';
import { makeSpecialFile } from '../unpack/special-file.js';
import { writeError } from '../unpack/write-error.js';
import type { BuildPlace } from './build-place.js';
import type { BuildTask, FileJob } from './build-task.js';
import { writeWhole } from './write-chunks.js';

/** Makes what has no content: symlinks, empty files, FIFOs and devices. */
export function makeEntry(place: BuildPlace, entry: SafeEntry): void {
  try {
    const attributes = attributesOf(entry);
    if (entry.type === 'file') {
      writeWhole(place, { path: entry.path, ...attributes }, new Uint8Array(0));
      return;
    }
    const path = place.at(entry.path);
    if (entry.type === 'symlink') symlinkSync(fsPath(entry.linkTarget), path);
    else makeSpecialFile(path, entry);
    setNodeAttributes(path, attributes, place.ownership);
  } catch (error) {
    throw writeError(entry.path, error);
  }
}

/**
 * What has to wait for everything else: files that were written in parts, hard links, and the modes and times of
 * directories.
 * @returns the file system's time when all of it was done, in nanoseconds since 1970.
 */
export function finishTree(place: BuildPlace, task: BuildTask & { kind: 'finish' }): bigint {
  for (const file of task.files) named(file.path, () => finishFile(place, file));
  for (const { path, existing } of task.links) {
    named(path, () => linkSync(fsPath(`${place.root}/${existing}`), place.at(path)));
  }
  const delayed = new DelayedDirectories();
  for (const entry of task.directories) {
    named(entry.path, () => place.directory(entry.path));
    delayed.set(entry);
  }
  delayed.apply(place.root, place.ownership);
  return changeTime(fsPath(place.root));
}

/** Sets the root's ctime and nothing else. */
function changeTime(root: string | Buffer): bigint {
  chmodSync(root, Number(lstatSync(root).mode) & 0o7777);
  return lstatSync(root, { bigint: true }).ctimeNs;
}

function finishFile(place: BuildPlace, file: FileJob): void {
  const fd = openSync(place.at(file.path), constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    setFileAttributes(fd, file, place.ownership);
  } finally {
    closeSync(fd);
  }
}

function named(path: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    throw writeError(path, error);
  }
}
