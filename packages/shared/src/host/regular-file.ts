import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { formatByteSize } from '../byte-size.js';
import { DeployError } from '../errors.js';

const CHUNK_BYTES = 64 * 1024;
/** Prevents that open() waits when a path becomes a FIFO or a terminal after its check. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Reads a whole regular file. A device or a FIFO is refused: it might never end or never begin, and opening it may have effects.
 * @throws DeployError invalid, `… is not a regular file`; too-large; system errors as they are.
 */
export function readRegularFile(path: string, maxBytes: number): Buffer {
  const fd = openRegularFile(path);
  try {
    const chunks: Buffer[] = [];
    for (let total = 0; total <= maxBytes; ) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, maxBytes + 1 - total));
      const bytes = readSync(fd, chunk, 0, chunk.length, null);
      if (bytes === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, bytes));
      total += bytes;
    }
  } finally {
    closeSync(fd);
  }
  throw new DeployError('too-large', `${path} is larger than ${formatByteSize(maxBytes)}`);
}

/**
 * Opens a file for reading.
 * @param through whether the last part of the path may be a symlink.
 * @throws DeployError invalid when it is no regular file; system errors, ELOOP for a symlink.
 */
export function openRegularFile(path: string, through: 'symlinks' | 'no symlink' = 'symlinks'): number {
  const follows = through === 'symlinks';
  if (follows) requireRegular(path, statSync(path));
  const fd = openSync(path, follows ? OPEN_FLAGS : OPEN_FLAGS | constants.O_NOFOLLOW);
  try {
    requireRegular(path, fstatSync(fd));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function requireRegular(path: string, stats: Stats): void {
  if (!stats.isFile()) throw new DeployError('invalid', `${path} is not a regular file`);
}
