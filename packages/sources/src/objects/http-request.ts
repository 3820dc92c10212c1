import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { objectBody, readBody } from './object-body.js';
import { decoded, showUrl } from './show-url.js';

const MAX_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];

interface HttpGet {
  readonly headers: Readonly<Record<string, string>>;
  /** A text to POST; redirects are not followed then. */
  readonly post?: string | undefined;
  /** The limit until an answer begins; each redirect has its own. */
  readonly headerTimeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * GETs a URL and follows up to ten redirects, never from https to http. Another origin does not get the credentials. The body
 * keeps its encoding.
 * @returns an answer of any status; the caller reads or destroys its body.
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

/** The error of a request without an answer, also because of a certificate. */
export function requestError(label: string, error: unknown): DeployError {
  if (error instanceof DeployError) return error;
  const { kind, message } = toDeployError(error);
  return new DeployError(kind === 'cancelled' ? kind : 'connect', `cannot read ${label}: ${message}`, {
    cause: error,
  });
}

interface JsonLimits {
  /** Names the server in messages: a URL without secrets, or a host. */
  readonly label: string;
  readonly maxBytes: number;
  /** Between two pieces. */
  readonly idleMs: number;
  readonly signal: AbortSignal;
}

/** Reads an answer as JSON. @throws DeployError corrupt, too-large, connect, cancelled. */
export async function httpJson(response: IncomingMessage, limits: JsonLimits): Promise<unknown> {
  const { label, maxBytes } = limits;
  const body = objectBody(response, { ...limits, bytes: undefined });
  const text = await readBody(body, maxBytes, `the answer of ${label}`);
  try {
    return JSON.parse(text.toString('utf8'));
  } catch (error) {
    throw new DeployError('corrupt', `the answer of ${label} is not JSON`, { cause: error });
  }
}
