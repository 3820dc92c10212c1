import * as z from 'zod/mini';
import { cutText, timeSchema, wireObject } from '../json/json-schemas.js';

/** The longest parts of a note, in characters; the rest is cut off. */
export const MAX_PAUSE_BY = 64;
export const MAX_PAUSE_REASON = 500;

export const pauseSchema = wireObject({
  /** The user of the host who paused it; absent where unknown. */
  By: z.optional(cutText(MAX_PAUSE_BY)),
  /** RFC 3339 UTC, by the host's clock. */
  Since: z.optional(timeSchema),
  /** In the words of that user. */
  Reason: z.optional(cutText(MAX_PAUSE_REASON)),
});

/** An operator's pause of a host, on which nothing is deployed until it ends. */
export type PauseNote = z.output<typeof pauseSchema>;

/** `paused by ops since 2026-11-21T05:11:04Z: disk is replaced`, on one line. */
export function pauseText({ by = 'somebody on the host', since, reason }: PauseNote): string {
  const when = since === undefined ? '' : ` since ${since.slice(0, 19)}Z`;
  const why = reason === undefined ? '' : `: ${reason}`;
  return `paused by ${by}${when}${why}`.replace(/\s+/g, ' ').trim();
}
