import type { IncomingHttpHeaders } from 'node:http';
import { retryAfterOf } from '../objects/http-errors.js';

/** GitHub's limits end within the hour; no clock is obeyed that asks for more patience than this. */
const MAX_WAIT_MS = 24 * 3_600_000;
/** What GitHub asks for when it limits the rate and does not say how long. */
const UNSAID_WAIT_MS = 60_000;

/**
 * How long GitHub asks to be left alone, in milliseconds: `Retry-After`, else the end of the rate limit. Undefined when it
 * does not ask.
 */
export function askedPatience(status: number, headers: IncomingHttpHeaders, now: number): number | undefined {
  const asked = retryAfterOf(headers['retry-after'], now) ?? rateLimitReset(headers, now);
  if (asked !== undefined) return Math.min(Math.max(asked, 0), MAX_WAIT_MS);
  return status === 429 ? UNSAID_WAIT_MS : undefined;
}

/** `x-ratelimit-reset` is in seconds since 1970, by the server's clock. */
function rateLimitReset(headers: IncomingHttpHeaders, now: number): number | undefined {
  const reset = headers['x-ratelimit-reset'];
  const isUsedUp = headers['x-ratelimit-remaining'] === '0';
  if (!isUsedUp || typeof reset !== 'string' || !/^\d{1,12}$/.test(reset)) return undefined;
  const date = Date.parse(headers.date ?? '');
  return Number(reset) * 1000 - (Number.isNaN(date) ? now : date) + 1000;
}
