/** That nothing is deployed on a host any more, as somebody there said. */
export interface PauseNote {
  /** The user of the host who said so; absent where that was not noted. */
  readonly by?: string;
  /** RFC 3339 UTC, by the host's clock. */
  readonly since?: string;
  /** In the words of that user. */
  readonly reason?: string;
}

/** What a note is cut to, in characters. */
export const MAX_PAUSE_BY = 64;
export const MAX_PAUSE_REASON = 500;

/** `paused by ops since 2026-11-21T05:11:04Z: disk is replaced`, on one line. */
export function pauseText({ by = 'somebody on the host', since, reason }: PauseNote): string {
  const when = since === undefined ? '' : ` since ${since.slice(0, 19)}Z`;
  const why = reason === undefined ? '' : `: ${reason}`;
  return `paused by ${by}${when}${why}`.replace(/\s+/g, ' ').trim();
}
