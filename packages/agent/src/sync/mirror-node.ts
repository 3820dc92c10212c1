import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  copyFileSync,
  openSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { type ByteName, fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { HeldDirectory } from './held-directory.js';
import { isSameTime, setNodeAttributes } from './mirror-attributes.js';

/** Something that is no directory, and where it is to go. */
export interface MirrorNode {
  readonly from: ByteName;
  readonly into: HeldDirectory;
  readonly name: ByteName;
  /** Of the source. */
  readonly stats: BigIntStats;
}

const CHUNK_BYTES = 256 * 1024;
/** Never through a symlink, and never waiting for what only looks like a file. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Makes a file, symlink or special file like its source. It is made beside, under a name of its own, and takes its
 * name in one step; what is the same already only gets its attributes.
 * @param there what has the name; no directory.
 * @returns whether it is new.
 * @throws system errors; DeployError unsupported for a socket.
 */
export function mirrorNode(
  node: MirrorNode,
  there: BigIntStats | undefined,
  compare: 'times' | 'content',
): boolean {
  const { from, into, name, stats } = node;
  if (there !== undefined && isSame(node, there, compare)) {
    const quick = stats.isFile() && compare === 'times';
    setNodeAttributes(into.at(name), stats, there, !quick);
    return false;
  }
  const fresh = into.at(`.deploy-sync-${randomBytes(6).toString('hex')}`);
  try {
    make(from, fresh, stats);
    setNodeAttributes(fresh, stats, undefined, true);
    renameSync(fsPath(fresh), fsPath(into.at(name)));
  } catch (error) {
    rmSync(fsPath(fresh), { force: true });
    throw error;
  }
  return true;
}

function make(from: ByteName, to: ByteName, stats: BigIntStats): void {
  if (stats.isFile())
    copyFileSync(fsPath(from), fsPath(to), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  else if (stats.isSymbolicLink()) symlinkSync(readlinkSync(fsPath(from), 'buffer'), fsPath(to));
  else makeSpecial(to, stats);
}

/** Node.js has no call for it, so the system's `mknod` does it; the handle on the directory is passed on to it. */
function makeSpecial(to: ByteName, stats: BigIntStats): void {
  if (stats.isSocket())
    throw new DeployError('unsupported', 'a socket cannot be copied', { hint: 'leave it out' });
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

function isSame({ from, into, name, stats }: MirrorNode, there: BigIntStats, compare: 'times' | 'content') {
  const type = BigInt(constants.S_IFMT);
  if ((stats.mode & type) !== (there.mode & type)) return false;
  const to = fsPath(into.at(name));
  if (stats.isSymbolicLink()) return readlinkSync(fsPath(from), 'buffer').equals(readlinkSync(to, 'buffer'));
  if (!stats.isFile()) return stats.rdev === there.rdev;
  if (stats.size !== there.size) return false;
  return compare === 'times' ? isSameTime(stats, there, false) : hasSameContent(fsPath(from), to);
}

function hasSameContent(a: string | Buffer, b: string | Buffer): boolean {
  const fds = [openSync(a, READ)];
  try {
    fds.push(openSync(b, READ));
    const [left, right] = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)];
    for (;;) {
      const [length, other] = [readFull(fds[0] ?? -1, left), readFull(fds[1] ?? -1, right)];
      if (length !== other || !left.subarray(0, length).equals(right.subarray(0, other))) return false;
      if (length < CHUNK_BYTES) return true;
    }
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}

/** @returns fewer bytes than there is room for only at the end. */
function readFull(fd: number, into: Buffer): number {
  let length = 0;
  while (length < into.length) {
    const bytes = readSync(fd, into, length, into.length - length, null);
    if (bytes === 0) break;
    length += bytes;
  }
  return length;
}
