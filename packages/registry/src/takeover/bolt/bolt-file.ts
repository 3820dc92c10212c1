import { closeSync, readSync } from 'node:fs';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { openRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import { type BoltMeta, type ReadAt, readBoltMeta } from './bolt-meta.js';
import { type BoltEntry, walkBolt } from './walk-bolt.js';

/** A BoltDB file (format version 2, little-endian) open for reading; see https://github.com/boltdb/bolt. */
export interface BoltFile {
  /** Reads the meta pages anew: another process may have committed. @throws DeployError corrupt. */
  meta(): BoltMeta;
  /** See {@link walkBolt}. Compare `meta().txid` before and after: another program may write meanwhile. */
  entries(): Generator<BoltEntry>;
  close(): void;
}

/** @throws DeployError denied, not-found, invalid. */
export function openBoltFile(path: string): BoltFile {
  let fd: number;
  try {
    fd = openRegularFile(path);
  } catch (error) {
    throw toDeployError(error);
  }
  const read: ReadAt = (offset, length) => readExactly(fd, offset, length);
  return {
    meta: () => readBoltMeta(read),
    entries: () => walkBolt(read, readBoltMeta(read)),
    close: () => closeSync(fd),
  };
}

function readExactly(fd: number, offset: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  for (let filled = 0; filled < length; ) {
    const bytes = readSync(fd, buffer, filled, length - filled, offset + filled);
    if (bytes === 0) throw new DeployError('corrupt', 'the file is cut off');
    filled += bytes;
  }
  return buffer;
}
