import {
  type BigIntStats,
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  linkSync,
  rmSync,
  utimesSync,
} from 'node:fs';
import { fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import { toDeployError } from '@deploy-tools/shared/errors.js';
import { timeOfStats } from '../unpack/file-times.js';
import type { AssemblePlace } from './assemble-place.js';
import type { CopyJob } from './assemble-task.js';
import { lookAt } from './file-stamp.js';

/**
 * Takes a file over from an earlier release, if it is unchanged before and, for a copy, also after.
 * @returns false when that is not so, or it cannot be read: then nothing is left in its place.
 */
export function takeOver(
  place: AssemblePlace,
  job: CopyJob,
  isUnchanged: (stats: BigIntStats) => boolean,
): boolean {
  const source = place.roots[job.root];
  if (source === undefined) return false;
  const from = fsPath(`${source.path}/${job.from}`);
  const unchanged = (): BigIntStats | undefined => {
    const stats = lookAt(from);
    if (stats === undefined || stats.dev !== source.device) return undefined;
    return isUnchanged(stats) ? stats : undefined;
  };
  // Before, because opening what was put in its place could wait for ever (a FIFO).
  const stats = unchanged();
  if (stats === undefined) return false;
  const to = place.at(job.path);
  if (place.reuse === 'hardlink' && hasAttributes(stats, place, job) && link(from, to)) {
    if (timeOfStats(stats) !== job.time) utimesSync(to, job.time, job.time);
    return true;
  }
  if (!copy(from, to, place.reuse) || unchanged() === undefined) {
    rmSync(to, { force: true });
    return false;
  }
  if (place.ownership === 'archive') chownSync(to, job.uid, job.gid);
  if (place.ownership === 'archive' || modeOf(stats) !== job.mode) chmodSync(to, job.mode);
  utimesSync(to, job.time, job.time);
  return true;
}

/** Whether a hard link would have the right owner and mode, which must not change for the old file. */
function hasAttributes(stats: BigIntStats, place: AssemblePlace, job: CopyJob): boolean {
  if (modeOf(stats) !== job.mode) return false;
  if (place.ownership === 'self') return true;
  return stats.uid === BigInt(job.uid) && stats.gid === BigInt(job.gid);
}

function modeOf(stats: BigIntStats): number {
  return Number(stats.mode) & 0o7777;
}

/** @returns false where the file system refuses: too many links, another user's file. */
function link(from: string | Buffer, to: string | Buffer): boolean {
  return succeeds(() => linkSync(from, to));
}

/** libuv gives the copy the mode of its source, whatever the umask. */
function copy(from: string | Buffer, to: string | Buffer, reuse: AssemblePlace['reuse']): boolean {
  const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants;
  const clone = () => copyFileSync(from, to, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE);
  if (reuse === 'reflink' && succeeds(clone)) return true;
  return succeeds(() => copyFileSync(from, to, COPYFILE_EXCL));
}

/** @returns false for an error of the source. @throws the error of a full disk. */
function succeeds(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (toDeployError(error).kind === 'no-space') throw error;
    return false;
  }
}
