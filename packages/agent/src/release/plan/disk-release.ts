import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';
import type { ChunkRef } from '@deploy-tools/shared/layers/manifest.js';

/** Numbers in a row of `DiskRelease.stamps`: inode, size, mtime and ctime in nanoseconds. */
export const STAMP_NUMBERS = 4;

/** A file of an earlier release, as it was when the release was complete. */
export interface DiskFile {
  readonly path: ByteName;
  readonly chunks: readonly ChunkRef[];
  /** Its row in the stamps; undefined for a file without one. */
  readonly stamp: number | undefined;
}

/** A release on disk with the record of its files. */
export interface DiskRelease {
  /** Absolute path of its directory. */
  readonly root: string;
  readonly files: ReadonlyMap<ByteName, DiskFile>;
  /** The results of lstat(2) for each file; a file with the same result is unchanged. */
  readonly stamps: BigInt64Array;
}

/** The places of content on this host. */
export interface DiskSources {
  /** In order of preference. */
  readonly releases: readonly DiskRelease[];
  /**
   * Directories that may hold content under the path that it is wanted under, and whose every byte has to be verified:
   * releases without a record, and what an interrupted deployment left.
   */
  readonly unproven: readonly string[];
}

/** The numbers of one row of stamps. */
export function stampAt(stamps: BigInt64Array, row: number): BigInt64Array {
  return stamps.subarray(row * STAMP_NUMBERS, (row + 1) * STAMP_NUMBERS);
}
