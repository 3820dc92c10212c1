import { STATUS_CODES } from 'node:http';
import { DeployError } from '@deploy-tools/shared/errors.js';

/** The longest accepted retry-after: a server's clock may be wrong. */
const MAX_RETRY_AFTER_MS = 24 * 3_600_000;

/**
 * Translates an HTTP status into an error: denied, not-found, connect for temporary errors (408, 425, 429, 5xx), invalid for others.
 * @param label the URL without secrets. @param detail the server's reason.
 */
export function httpError(
  label: string,
  status: number,
  retryAfter: string | undefined,
  detail?: string | undefined,
): DeployError {
  const said = `${label} answered ${status} ${detail ?? STATUS_CODES[status] ?? ''}`.trimEnd();
  if (status === 404 || status === 410) return new DeployError('not-found', said, { hint: 'check the URL' });
  if (status === 401 || status === 403)
    return new DeployError('denied', said, { hint: 'check the URL, and the rights of the credentials' });
  const retryAfterMs = retryAfterOf(retryAfter);
  if (status >= 500 || status === 429 || status === 408 || status === 425)
    return new DeployError('connect', said, { retryAfterMs });
  return new DeployError('invalid', said, { hint: 'check the URL' });
}

/** Reads `Retry-After` (RFC 9110, section 10.2.3): seconds or a date. @returns milliseconds from now on. */
export function retryAfterOf(text: string | undefined, now = Date.now()): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const ms = /^\s*\d+\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}
