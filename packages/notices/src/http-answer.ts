import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';

/** The most bytes that are read of an answer. */
const MAX_ANSWER = 64 * 1024;
/** The longest delay that a receiver may ask for. */
const LONGEST_WAIT_MS = 15 * 60_000;

export interface HttpAnswer {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  /** The beginning of the body. */
  readonly text: string;
}

/** Sends a POST request; redirects are not followed. @throws DeployError connect, timeout, cancelled. */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  try {
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    return {
      status: response.status,
      retryAfterMs: retryAfter(response.headers.get('retry-after')),
      text: await beginning(response),
    };
  } catch (error) {
    if (signal.aborted) throw toDeployError(signal.reason);
    throw new DeployError('connect', `${new URL(url).host} cannot be reached: ${reason(error)}`, {
      cause: error,
    });
  }
}

/** A DeployError for an answer that is not 2xx. */
export function refusalOf(host: string, { status, retryAfterMs }: HttpAnswer): DeployError {
  if (status >= 500 || status === 408 || status === 425 || status === 429) {
    return new DeployError('connect', `${host} answered ${status}`, { retryAfterMs });
  }
  if (status === 401 || status === 403 || status === 407) {
    return new DeployError('denied', `${host} answered ${status}`, {
      hint: 'check the secret',
      retryAfterMs,
    });
  }
  if (status >= 300 && status < 400) {
    return new DeployError('invalid', `${host} answered ${status}; redirects are not followed`, {
      hint: 'give the target of the redirect instead',
    });
  }
  return new DeployError('invalid', `${host} answered ${status}`);
}

/** The delay that a Retry-After header asks for, as seconds or a date (RFC 9110, 10.2.3); in milliseconds. */
function retryAfter(text: string | null): number | undefined {
  if (text === null) return undefined;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(LONGEST_WAIT_MS, Math.max(0, ms));
}

async function beginning(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return '';
  const chunks: Uint8Array[] = [];
  for (let size = 0; size < MAX_ANSWER; ) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks).toString('utf8');
    chunks.push(value);
    size += value.length;
  }
  await reader.cancel();
  return Buffer.concat(chunks).toString('utf8');
}

/** The message of an error of fetch, which has the reason in its cause. */
function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return toDeployError(cause).message;
}
