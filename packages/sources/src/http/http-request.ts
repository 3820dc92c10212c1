import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';

export interface HttpRequest {
  readonly method?: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Until the answer begins, in milliseconds. */
  readonly timeoutMs: number;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** What is for the first server only. */
const CREDENTIALS = new Set(['authorization', 'cookie', 'x-github-api-version']);

/**
 * Sends a request and follows redirects; credentials go to no other origin, and nothing goes from https to http. The
 * answer is whatever status comes back: its body is to be read or cancelled.
 * @throws DeployError connect, timeout, cancelled; denied, for a redirect to http.
 */
export async function httpRequest(url: string, request: HttpRequest, signal: AbortSignal): Promise<Response> {
  let at = new URL(url);
  let headers = request.headers;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await send(at, { ...request, headers }, signal);
    const location = response.headers.get('location');
    if (!REDIRECTS.has(response.status) || location === null || request.method === 'POST') return response;
    await response.body?.cancel();
    const next = URL.canParse(location, at.href) ? new URL(location, at.href) : undefined;
    if (next === undefined || !/^https?:$/.test(next.protocol)) {
      throw new DeployError('corrupt', `${at.host} redirects to what is no URL`);
    }
    if (at.protocol === 'https:' && next.protocol === 'http:') {
      throw new DeployError('denied', `${at.host} redirects from https to http, which is not followed`);
    }
    if (next.origin !== at.origin) headers = withoutCredentials(headers);
    at = next;
  }
  throw new DeployError('connect', `${at.host} redirects more than ${MAX_REDIRECTS} times`);
}

async function send(url: URL, request: HttpRequest, signal: AbortSignal): Promise<Response> {
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), request.timeoutMs);
  try {
    return await fetch(url.href, {
      method: request.method ?? 'GET',
      headers: { ...request.headers, 'user-agent': 'deploy-tools' },
      redirect: 'manual',
      signal: AbortSignal.any([signal, waiting.signal]),
      ...(request.body === undefined ? {} : { body: request.body }),
    });
  } catch (error) {
    if (!signal.aborted && waiting.signal.aborted) throw noAnswer(url, request.timeoutMs);
    throw httpError(error, url.host, signal);
  } finally {
    clearTimeout(timer);
  }
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.has(name.toLowerCase())));
}

function noAnswer(url: URL, timeoutMs: number): DeployError {
  return new DeployError('timeout', `${url.host} did not answer for ${timeoutMs / 1000} s`);
}

/** What fetch throws, which hides the reason in its cause. */
export function httpError(error: unknown, host: string, signal: AbortSignal): DeployError {
  if (error instanceof DeployError) return error;
  if (signal.aborted) return new DeployError('cancelled', 'stopped before it was done', { cause: error });
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const { kind, message } = toDeployError(cause);
  return new DeployError(
    kind === 'internal' ? 'connect' : kind,
    `the connection to ${host} failed: ${message}`,
    {
      cause: error,
    },
  );
}
