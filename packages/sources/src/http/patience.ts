/** No answer is obeyed that asks for more patience than this. */
const MAX_WAIT_MS = 24 * 60 * 60 * 1000;
/** What GitHub asks for when it limits the rate and does not say how long. */
const UNSAID_WAIT_MS = 60_000;

/**
 * How long a server asks to be left alone, in milliseconds: `Retry-After` in seconds or as a date, else the end of
 * GitHub's rate limit. Undefined when it does not ask.
 */
export function askedPatience(status: number, headers: Headers, now: number): number | undefined {
  const asked = retryAfter(headers, now) ?? rateLimitReset(headers, now);
  if (asked !== undefined) return Math.min(Math.max(asked, 0), MAX_WAIT_MS);
  return status === 429 ? UNSAID_WAIT_MS : undefined;
}

function retryAfter(headers: Headers, now: number): number | undefined {
  const text = headers.get('retry-after')?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : date - serverTime(headers, now);
}

/** `x-ratelimit-reset` is in seconds since 1970, by the server's clock. */
function rateLimitReset(headers: Headers, now: number): number | undefined {
  const reset = headers.get('x-ratelimit-reset') ?? '';
  if (headers.get('x-ratelimit-remaining') !== '0' || !/^\d{1,12}$/.test(reset)) return undefined;
  return Number(reset) * 1000 - serverTime(headers, now) + 1000;
}

function serverTime(headers: Headers, now: number): number {
  const date = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(date) ? now : date;
}
