/** The registry's wall clock. */
export type Clock = () => Date;

/** Now, as the registry writes it: RFC 3339 UTC with milliseconds. */
export function timestamp(clock: Clock): string {
  return clock().toISOString();
}

/** The time `ms` milliseconds ago, written like {@link timestamp}. */
export function timestampBefore(clock: Clock, ms: number): string {
  return new Date(clock().getTime() - ms).toISOString();
}
