import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { httpJson } from '../http/http-body.js';
import { type HttpRequest, httpRequest } from '../http/http-request.js';
import { askedPatience } from '../http/patience.js';
import { appJwt, type GithubApp, type GithubCredentials } from './github-credentials.js';
import { type JsonRecord, record, text } from './github-releases.js';

/** A page of 100 releases with many assets and long notes has some megabytes. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;
const JSON_TYPE = 'application/vnd.github+json';
/** A token is not used any more when it holds no longer than this. */
const TOKEN_MARGIN_MS = 5 * 60_000;

interface AppToken {
  readonly token: string;
  readonly expires: number;
}

export interface GithubApiOptions {
  /** Without a slash at its end. */
  readonly base: string;
  readonly credentials: GithubCredentials;
  readonly log: Logger;
  readonly timeoutMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** GitHub's REST API: credentials, errors, limits. Keeps the token of a GitHub App while it holds. */
export class GithubApi {
  readonly #options: GithubApiOptions;
  #token: Promise<AppToken> | undefined;

  constructor(options: GithubApiOptions) {
    this.#options = options;
  }

  /**
   * An answer that is not an error: 2xx, 304, or 416 to a request for a part.
   * @param path below the API, or a whole URL that the API gave.
   * @throws DeployError not-found, denied, connect, timeout, cancelled; with `retryAfterMs` where GitHub asks for patience.
   */
  async request(path: string, request: Partial<HttpRequest>, signal: AbortSignal): Promise<Response> {
    const authorization = await this.#authorization(signal);
    const headers = { accept: JSON_TYPE, ...authorization, ...request.headers };
    return this.#send(path, { ...request, headers }, signal);
  }

  /** Whether a URL that the API gave is the API's own, and may be sent the credentials. */
  isOwn(url: string): boolean {
    const own = new URL(this.#options.base);
    const other = URL.canParse(url) ? new URL(url) : undefined;
    if (other === undefined) return false;
    const uploads = own.origin === 'https://api.github.com' && other.origin === 'https://uploads.github.com';
    return uploads || other.origin === own.origin;
  }

  /** The JSON of an answer. @throws DeployError corrupt, too-large, timeout, connect, cancelled. */
  async json(response: Response, signal: AbortSignal): Promise<unknown> {
    return httpJson(response, { maxBytes: MAX_JSON_BYTES, idleMs: this.#options.timeoutMs }, signal);
  }

  async #send(path: string, request: Partial<HttpRequest>, signal: AbortSignal): Promise<Response> {
    const url = path.startsWith('/') ? `${this.#options.base}${path}` : path;
    const headers = { 'x-github-api-version': '2022-11-28', ...request.headers };
    const response = await httpRequest(
      url,
      { timeoutMs: this.#options.timeoutMs, ...request, headers },
      signal,
    );
    if (response.ok || response.status === 304 || response.status === 416) return response;
    const said = await this.#message(response, signal);
    if (response.status === 401) this.#token = undefined;
    throw refused(new URL(response.url || url), response, said, this.#options);
  }

  async #message(response: Response, signal: AbortSignal): Promise<string> {
    const limits = { maxBytes: 64 * 1024, idleMs: this.#options.timeoutMs };
    const said = await httpJson(response, limits, signal).catch(() => undefined);
    if (signal.aborted) throw new DeployError('cancelled', 'stopped before it was done');
    const message = typeof said === 'object' && said !== null && 'message' in said ? said.message : undefined;
    return typeof message === 'string' ? message.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200) : '';
  }

  async #authorization(signal: AbortSignal): Promise<Record<string, string>> {
    const { credentials } = this.#options;
    if (credentials.kind === 'none') return {};
    const token =
      credentials.kind === 'token' ? credentials.token : await this.#appToken(credentials.app, signal);
    return { authorization: `Bearer ${token}` };
  }

  /** Callers side by side wait for one request. */
  async #appToken(app: GithubApp, signal: AbortSignal): Promise<string> {
    const pending = this.#token;
    const held = await pending?.catch(() => undefined);
    if (held !== undefined && held.expires - TOKEN_MARGIN_MS > this.#options.now()) return held.token;
    // Somebody else may have asked while this waited; what failed for that caller may do for this one.
    if (this.#token === pending) this.#token = this.#askToken(app, signal);
    return (await (this.#token ?? this.#askToken(app, signal))).token;
  }

  async #askToken(app: GithubApp, signal: AbortSignal): Promise<AppToken> {
    const headers = { accept: JSON_TYPE, authorization: `Bearer ${appJwt(app, this.#options.now())}` };
    const path = `/app/installations/${app.installation}/access_tokens`;
    const response = await this.#send(path, { method: 'POST', headers }, signal);
    const answer: JsonRecord = record(await this.json(response, signal), 'a token');
    const expires = Date.parse(text(answer, 'expires_at'));
    this.#options.log.debug(
      { app: app.id, installation: app.installation },
      'got a token for the GitHub App',
    );
    return { token: text(answer, 'token'), expires: Number.isNaN(expires) ? 0 : expires };
  }
}

function refused(
  url: URL,
  response: Response,
  said: string,
  { credentials, now }: GithubApiOptions,
): DeployError {
  const { status } = response;
  const what = `${url.host} answered ${status}${said === '' ? '' : `, "${said}"`}`;
  const wait = askedPatience(status, response.headers, now());
  const limited = status === 429 || (status === 403 && (wait !== undefined || /rate limit/i.test(said)));
  if (limited) {
    const hint =
      credentials.kind === 'none'
        ? 'GITHUB_TOKEN raises the limit from 60 to 5000 requests an hour'
        : 'it is asked again when the limit ends';
    return new DeployError('connect', `the rate limit of ${url.host} is used up`, {
      hint,
      retryAfterMs: wait ?? 60_000,
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
    return new DeployError('connect', what, wait === undefined ? {} : { retryAfterMs: wait });
  }
  const hint = 'check GITHUB_TOKEN or GH_TOKEN, or the keys and rights of the GitHub App';
  return new DeployError('denied', what, { hint });
}
