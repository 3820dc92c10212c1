/** The registry's wall clock. */
export type Clock = () => Date;

/** The present time in the registry's format: RFC 3339 UTC with milliseconds. */
export function timestamp(clock: Clock): string {
  return clock().toISOString();
}

/** The time `ms` milliseconds ago, in the format of {@link timestamp}. */
export function timestampBefore(clock: Clock, ms: number): string {
  return new Date(clock().getTime() - ms).toISOString();
}
