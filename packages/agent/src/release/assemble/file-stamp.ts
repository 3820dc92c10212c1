import { type BigIntStats, lstatSync } from 'node:fs';
import { STAMP_NUMBERS } from '../plan/disk-release.js';

/** lstat(2) in nanoseconds. @returns undefined after any error. */
export function lookAt(path: string | Buffer): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    // A directory above it has become something else, or may not be entered.
    return undefined;
  }
}

/** Whether a file is unchanged since a row of stamps. */
export function matchesStamp(stats: BigIntStats, stamps: BigInt64Array, row: number): boolean {
  const at = row * STAMP_NUMBERS;
  return (
    stats.ino === stamps[at] &&
    stats.size === stamps[at + 1] &&
    stats.mtimeNs === stamps[at + 2] &&
    stats.ctimeNs === stamps[at + 3] &&
    stats.isFile()
  );
}

export function writeStamp(stats: BigIntStats, stamps: BigInt64Array, row: number): void {
  const at = row * STAMP_NUMBERS;
  stamps[at] = stats.ino;
  stamps[at + 1] = stats.size;
  stamps[at + 2] = stats.mtimeNs;
  stamps[at + 3] = stats.ctimeNs;
}
