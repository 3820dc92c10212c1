/** A modification time as node:fs takes it. */
export type FsTime = number | Date;

/**
 * The time to give to `utimes`. Node passes it on as a double and cuts it to microseconds, so half of one is
 * added: then the microsecond is always the archive's, whatever the double could hold. Node replaces negative numbers
 * by the present, but not negative dates: times before 1970 are exact to the millisecond.
 */
export function fsTime(seconds: number, nanoseconds: number): FsTime {
  const microseconds = Math.floor(nanoseconds / 1000);
  if (seconds < 0) return new Date(seconds * 1000 + Math.floor(nanoseconds / 1_000_000));
  return microseconds === 0 ? seconds : seconds + (microseconds + 0.5) / 1_000_000;
}

/** The modification time of a file in the form of {@link fsTime}; undefined for one before 1970. */
export function timeOfStats(stats: { readonly mtimeNs: bigint }): FsTime | undefined {
  if (stats.mtimeNs < 0n) return undefined;
  return fsTime(Number(stats.mtimeNs / 1_000_000_000n), Number(stats.mtimeNs % 1_000_000_000n));
}
