import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { decoded, showUrl } from './show-url.js';

const MAX_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];

export interface HttpGet {
  readonly headers: Readonly<Record<string, string>>;
  /** A text that is POSTed instead; redirects are not followed then. */
  readonly post?: string | undefined;
  /** From the start of a request to the answer's first line and headers; each redirect anew. */
  readonly headerTimeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * GETs a URL and follows redirects: ten of them, never from https to http; credentials are not carried to another origin.
 * The body comes as it is sent: whatever encoding it has is left.
 * @returns an answer of any status but a redirect's that was followed; its body has to be read or destroyed.
 * @throws DeployError connect, cancelled, invalid, denied.
 */
export async function httpGet(url: URL, get: HttpGet): Promise<IncomingMessage> {
  let at = url;
  let headers = { ...get.headers, ...basicAuthorization(url) };
  for (let redirects = 0; ; redirects += 1) {
    const response = await getOnce(at, { ...get, headers });
    const { location } = response.headers;
    if (!REDIRECTS.includes(response.statusCode ?? 0) || location === undefined) return response;
    if (get.post !== undefined) return response;
    response.destroy();
    if (redirects === MAX_REDIRECTS)
      throw new DeployError('invalid', `${showUrl(url.href)} redirects more than ${MAX_REDIRECTS} times`);
    const next = redirectTarget(at, location);
    if (next.origin !== at.origin) headers = withoutCredentials(headers);
    at = next;
  }
}

function redirectTarget(from: URL, location: string): URL {
  const label = showUrl(from.href);
  const next = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (next === undefined || !/^https?:$/.test(next.protocol))
    throw new DeployError('invalid', `${label} redirects to what is no address of the web`);
  if (from.protocol === 'https:' && next.protocol === 'http:')
    throw new DeployError('denied', `${label} redirects to ${showUrl(next.href)}, which is not encrypted`, {
      hint: 'name that URL itself, if it is to be trusted',
    });
  return next;
}

function basicAuthorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const pair = `${decoded(username) ?? username}:${decoded(password) ?? password}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'));
}

function getOnce(url: URL, { headers, post, headerTimeoutMs, signal }: HttpGet): Promise<IncomingMessage> {
  const label = showUrl(url.href);
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const plain = new URL(url);
    plain.username = '';
    plain.password = '';
    const method = post === undefined ? 'GET' : 'POST';
    const request = send(plain, { method, headers: { 'user-agent': 'deploy-tools', ...headers } });
    const late = new DeployError(
      'connect',
      `${label} did not answer within ${formatDuration(headerTimeoutMs)}`,
    );
    const timer = setTimeout(() => request.destroy(late), headerTimeoutMs);
    const abort = (): void => void request.destroy(new DeployError('cancelled', `${label} was given up`));
    const settled = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    signal.addEventListener('abort', abort, { once: true });
    request.once('response', (response) => {
      settled();
      resolve(response);
    });
    request.on('error', (error) => {
      settled();
      reject(requestError(label, error));
    });
    if (signal.aborted) abort();
    request.end(post);
  });
}

/** Whatever it is, certificates included, nothing was answered. */
export function requestError(label: string, error: unknown): DeployError {
  if (error instanceof DeployError) return error;
  const { kind, message } = toDeployError(error);
  return new DeployError(kind === 'cancelled' ? kind : 'connect', `cannot read ${label}: ${message}`, {
    cause: error,
  });
}
