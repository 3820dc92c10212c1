/** A modification time as node:fs takes it. */
export type FsTime = number | Date;

/**
 * A time for `utimes`. Node.js passes it on as a double and cuts it to microseconds; half a microsecond is added, so that
 * rounding never gives another microsecond than the archive's. Node.js replaces negative numbers by the present, but
 * not negative dates: times before 1970 are exact to the millisecond.
 */
export function fsTime(seconds: number, nanoseconds: number): FsTime {
  const microseconds = Math.floor(nanoseconds / 1000);
  if (seconds < 0) return new Date(seconds * 1000 + Math.floor(nanoseconds / 1_000_000));
  return microseconds === 0 ? seconds : seconds + (microseconds + 0.5) / 1_000_000;
}

const NS_PER_SECOND = 1_000_000_000n;

/** The modification time of a file in the form of {@link fsTime}. */
export function timeOfStats({ mtimeNs }: { readonly mtimeNs: bigint }): FsTime {
  const rest = ((mtimeNs % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  return fsTime(Number((mtimeNs - rest) / NS_PER_SECOND), Number(rest));
}
