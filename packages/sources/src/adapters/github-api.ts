import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import * as z from 'zod/mini';
import { retryAfterOf } from '../objects/http-errors.js';
import { httpGet, httpJson } from '../objects/http-request.js';
import { appJwt, type GithubApp, type GithubCredentials } from './github-credentials.js';
import { checkGithub, wordSchema } from './github-releases.js';

/** A page of 100 releases with many assets and long notes has some megabytes. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;
const MAX_MESSAGE_BYTES = 64 * 1024;
const JSON_TYPE = 'application/vnd.github+json';
/** A token that expires sooner than this is not used any more. */
const TOKEN_MARGIN_MS = 5 * 60_000;

const tokenSchema = z.object({ token: wordSchema, expires_at: wordSchema });
const messageSchema = z.object({ message: z.string() });

/** The longest accepted delay: the server's clock may be wrong, and GitHub's limits end within the hour. */
const MAX_WAIT_MS = 24 * 3_600_000;
/** The delay when GitHub limits the rate without naming one. */
const DEFAULT_WAIT_MS = 60_000;

interface AppToken {
  readonly token: string;
  readonly expires: number;
}

interface GithubApiOptions {
  /** Without a slash at its end. */
  readonly base: string;
  readonly credentials: GithubCredentials;
  readonly log: Logger;
  readonly timeoutMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface GithubRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** A text to POST. */
  readonly post?: string;
}

/** GitHub's REST API: credentials, errors, limits. Keeps the token of a GitHub App until it expires. */
export class GithubApi {
  readonly #options: GithubApiOptions;
  #token: Promise<AppToken> | undefined;

  constructor(options: GithubApiOptions) {
    this.#options = options;
  }

  /**
   * Sends a request. @returns the answer, if it is no error: 2xx, 304, or 416 to a request for a part.
   * @param path below the API, or a whole URL of an answer.
   * @throws DeployError not-found, denied, connect, timeout, cancelled; with `retryAfterMs` where GitHub asks for a delay.
   */
  async request(path: string, request: GithubRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const authorization = await this.#authorization(signal);
    const headers = { accept: JSON_TYPE, ...authorization, ...request.headers };
    return this.#send(path, { ...request, headers }, signal);
  }

  /** Whether a URL of an answer is the API's own, which may get the credentials. */
  isOwn(url: string): boolean {
    const own = new URL(this.#options.base);
    const other = URL.canParse(url) ? new URL(url) : undefined;
    if (other === undefined) return false;
    const uploads = own.origin === 'https://api.github.com' && other.origin === 'https://uploads.github.com';
    return uploads || other.origin === own.origin;
  }

  /** The JSON of an answer. @throws DeployError corrupt, too-large, timeout, connect, cancelled. */
  async json(response: IncomingMessage, signal: AbortSignal): Promise<unknown> {
    return this.#readJson(response, MAX_JSON_BYTES, signal);
  }

  async #send(path: string, request: GithubRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(path.startsWith('/') ? `${this.#options.base}${path}` : path);
    const headers = { 'x-github-api-version': '2022-11-28', ...request.headers };
    const headerTimeoutMs = this.#options.timeoutMs;
    const response = await httpGet(url, { post: request.post, headers, headerTimeoutMs, signal });
    const status = response.statusCode ?? 0;
    if ((status >= 200 && status < 300) || status === 304 || status === 416) return response;
    const said = await this.#message(response, signal);
    if (status === 401) this.#token = undefined;
    throw refused(url, response, said, this.#options);
  }

  async #message(response: IncomingMessage, signal: AbortSignal): Promise<string> {
    const said = await this.#readJson(response, MAX_MESSAGE_BYTES, signal).catch(() => undefined);
    if (signal.aborted) throw new DeployError('cancelled', 'stopped before it was done');
    const { data } = z.safeParse(messageSchema, said);
    return data?.message.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200) ?? '';
  }

  async #readJson(response: IncomingMessage, maxBytes: number, signal: AbortSignal): Promise<unknown> {
    const label = new URL(this.#options.base).host;
    return await httpJson(response, { label, maxBytes, idleMs: this.#options.timeoutMs, signal });
  }

  async #authorization(signal: AbortSignal): Promise<Record<string, string>> {
    const { credentials } = this.#options;
    if (credentials.kind === 'none') return {};
    const token =
      credentials.kind === 'token' ? credentials.token : await this.#appToken(credentials.app, signal);
    return { authorization: `Bearer ${token}` };
  }

  /** Concurrent callers share one request for a token. */
  async #appToken(app: GithubApp, signal: AbortSignal): Promise<string> {
    const pending = this.#token;
    const held = await pending?.catch(() => undefined);
    if (held !== undefined && held.expires - TOKEN_MARGIN_MS > this.#options.now()) return held.token;
    // Another caller may have asked meanwhile; its failure need not be this one's.
    if (this.#token === pending) this.#token = this.#askToken(app, signal);
    return (await (this.#token ?? this.#askToken(app, signal))).token;
  }

  async #askToken(app: GithubApp, signal: AbortSignal): Promise<AppToken> {
    const headers = { accept: JSON_TYPE, authorization: `Bearer ${appJwt(app, this.#options.now())}` };
    const path = `/app/installations/${app.installation}/access_tokens`;
    const response = await this.#send(path, { post: '', headers }, signal);
    const answer = checkGithub(await this.json(response, signal), tokenSchema, 'token');
    const expires = Date.parse(answer.expires_at);
    this.#options.log.debug(
      { app: app.id, installation: app.installation },
      'got a token for the GitHub App',
    );
    return { token: answer.token, expires: Number.isNaN(expires) ? 0 : expires };
  }
}

function refused(
  url: URL,
  response: IncomingMessage,
  said: string,
  { credentials, now }: GithubApiOptions,
): DeployError {
  const status = response.statusCode ?? 0;
  const what = `${url.host} answered ${status}${said === '' ? '' : `, "${said}"`}`;
  const wait = githubRetryAfterMs(status, response.headers, now());
  const limited = status === 429 || (status === 403 && (wait !== undefined || /rate limit/i.test(said)));
  if (limited) {
    const hint =
      credentials.kind === 'none'
        ? 'GITHUB_TOKEN raises the limit from 60 to 5000 requests an hour'
        : 'it is asked again when the limit ends';
    return new DeployError('connect', `the rate limit of ${url.host} is used up`, {
      hint,
      retryAfterMs: wait ?? DEFAULT_WAIT_MS,
    });
  }
  if (status === 404 || status === 410) {
    const hint =
      credentials.kind === 'none'
        ? 'check the name; a private repository needs GITHUB_TOKEN or a GitHub App'
        : 'check the name, and that the token or App may read the repository';
    return new DeployError('not-found', `${url.host} has no ${url.pathname}`, { hint });
  }
  if (status >= 500 || status === 408) {
    return new DeployError('connect', what, { retryAfterMs: wait });
  }
  const hint = 'check GITHUB_TOKEN or GH_TOKEN, or the keys and rights of the GitHub App';
  return new DeployError('denied', what, { hint });
}

/** The delay that GitHub asks for, in milliseconds: `Retry-After`, else the end of the rate limit; undefined for none. */
function githubRetryAfterMs(status: number, headers: IncomingHttpHeaders, now: number): number | undefined {
  const asked = retryAfterOf(headers['retry-after'], now) ?? rateLimitReset(headers, now);
  if (asked !== undefined) return Math.min(Math.max(asked, 0), MAX_WAIT_MS);
  return status === 429 ? DEFAULT_WAIT_MS : undefined;
}

/** `x-ratelimit-reset` is in seconds since 1970, by the server's clock. */
function rateLimitReset(headers: IncomingHttpHeaders, now: number): number | undefined {
  const reset = headers['x-ratelimit-reset'];
  const isUsedUp = headers['x-ratelimit-remaining'] === '0';
  if (!isUsedUp || typeof reset !== 'string' || !/^\d{1,12}$/.test(reset)) return undefined;
  const date = Date.parse(headers.date ?? '');
  return Number(reset) * 1000 - (Number.isNaN(date) ? now : date) + 1000;
}
