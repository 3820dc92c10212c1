import { createHash, createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Scope } from './scope.js';

/**
 * GitHub's REST API for releases over HTTP, as documented: pages by Link, ETags, rate limits, tokens, installation
 * tokens of an App, assets that are redirected to a store on another port. The store refuses a request that still
 * carries credentials, as Amazon's and Microsoft's do.
 */
export interface GithubServer {
  /** For GITHUB_API_URL. */
  readonly url: string;
  /** All requests so far, of the API and of the store, in order. */
  readonly requests: readonly GithubRequest[];
  /** Adds a release, or adds its assets to the one of that tag; an asset of the same name is replaced. */
  publish(
    tag: string,
    assets?: Readonly<Record<string, Uint8Array>>,
    more?: { readonly draft?: boolean; readonly prerelease?: boolean; readonly state?: string },
  ): void;
  remove(tag: string): void;
  /** The names of a release's assets. */
  assetsOf(tag: string): string[];
  /** Answers the next requests that the test holds for matching with this instead. */
  answer(next: GithubAnswer): void;
}

export interface GithubRequest {
  readonly on: 'api' | 'store';
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  status: number;
}

export interface GithubAnswer {
  /** Of the path and query; any when undefined. */
  readonly url?: RegExp;
  /** How many requests; one when undefined. */
  readonly times?: number;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The request is answered as usual when this has come to its end, or, when it never does, not at all. */
  readonly after?: Promise<unknown>;
  /** The connection is cut after so many bytes of the body that would have been sent. */
  readonly cutAfter?: number;
  /** No more comes after so many bytes, and the connection stays open. */
  readonly stallAfter?: number;
}

export interface GithubServerOptions {
  /** `owner/repo`; the only one that there is. */
  readonly repository?: string;
  /** Tokens that are let in; everybody is when undefined. */
  readonly tokens?: readonly string[];
  /** An App that may ask for tokens: its number, that of its installation, its public key in PEM form. */
  readonly app?: { readonly id: string; readonly installation: string; readonly publicKey: string };
  /** Assets come from the API itself. */
  readonly direct?: boolean;
  /** Assets say their SHA-256, as GitHub's do; older GitHub Enterprise says none. */
  readonly digests?: boolean;
}

interface Asset {
  readonly id: number;
  readonly bytes: Buffer;
  readonly state: string;
}

interface Release {
  readonly id: number;
  readonly created: string;
  readonly draft: boolean;
  readonly prerelease: boolean;
  readonly assets: Map<string, Asset>;
}

export async function startGithub(scope: Scope, options: GithubServerOptions = {}): Promise<GithubServer> {
  const state = new GithubState(options);
  const [api, store] = await Promise.all([
    listen(scope, (request, response) => state.answerApi(request, response)),
    listen(scope, (request, response) => state.answerStore(request, response)),
  ]);
  state.apiUrl = api;
  state.storeUrl = store;
  return state;
}

async function listen(
  scope: Scope,
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<string> {
  const server: Server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.defer(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

class GithubState implements GithubServer {
  readonly requests: GithubRequest[] = [];
  apiUrl = '';
  storeUrl = '';
  readonly #options: GithubServerOptions;
  readonly #repository: string;
  readonly #releases = new Map<string, Release>();
  readonly #answers: { readonly answer: GithubAnswer; left: number }[] = [];
  readonly #issued = new Set<string>();
  #lastId = 0;

  constructor(options: GithubServerOptions) {
    this.#options = options;
    this.#repository = options.repository ?? 'owner/repo';
  }

  get url(): string {
    return this.apiUrl;
  }

  publish(
    tag: string,
    assets: Readonly<Record<string, Uint8Array>> = {},
    more: { readonly draft?: boolean; readonly prerelease?: boolean; readonly state?: string } = {},
  ): void {
    const release = this.#releases.get(tag) ?? {
      id: this.#nextId(),
      created: new Date(Date.UTC(2026, 0, 1) + this.#lastId * 1000).toISOString(),
      draft: more.draft ?? false,
      prerelease: more.prerelease ?? false,
      assets: new Map(),
    };
    this.#releases.set(tag, release);
    for (const [name, bytes] of Object.entries(assets)) {
      release.assets.set(name, {
        id: this.#nextId(),
        bytes: Buffer.from(bytes),
        state: more.state ?? 'uploaded',
      });
    }
  }

  remove(tag: string): void {
    this.#releases.delete(tag);
  }

  assetsOf(tag: string): string[] {
    return [...(this.#releases.get(tag)?.assets.keys() ?? [])];
  }

  answer(next: GithubAnswer): void {
    this.#answers.push({ answer: next, left: next.times ?? 1 });
  }

  async answerApi(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const played = await this.#note('api', request, response);
    if (played?.status !== undefined || played?.body !== undefined) return play(response, played);
    const url = new URL(request.url ?? '/', this.apiUrl);
    const post = request.method === 'POST';
    const tokens = /^\/app\/installations\/(\d+)\/access_tokens$/.exec(url.pathname);
    if (tokens !== null && post) return this.#giveToken(request, response, tokens[1] ?? '');
    if (!this.#mayEnter(request)) return sendJson(response, 401, { message: 'Bad credentials' });
    const prefix = `/repos/${this.#repository}/releases`;
    if (!url.pathname.startsWith(prefix)) return sendJson(response, 404, { message: 'Not Found' });
    const rest = url.pathname.slice(prefix.length);
    if (rest === '') return this.#listReleases(request, response, url);
    const tag = /^\/tags\/(.+)$/.exec(rest)?.[1];
    if (tag !== undefined) return this.#sendRelease(response, decodeURIComponent(tag));
    const asset = /^\/assets\/(\d+)$/.exec(rest)?.[1];
    if (asset !== undefined) return this.#sendAsset(request, response, Number(asset), played);
    const upload = /^\/(\d+)\/assets$/.exec(rest)?.[1];
    if (upload !== undefined && post) return this.#takeAsset(request, response, Number(upload), url);
    sendJson(response, 404, { message: 'Not Found' });
  }

  async answerStore(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const played = await this.#note('store', request, response);
    if (played?.status !== undefined || played?.body !== undefined) return play(response, played);
    if (request.headers.authorization !== undefined) {
      response.writeHead(400).end('Only one auth mechanism allowed');
      return;
    }
    const asset = this.#assetOf(Number(/^\/(\d+)/.exec(request.url ?? '')?.[1]));
    if (asset === undefined) {
      response.writeHead(404).end();
      return;
    }
    sendBytes(request, response, asset.bytes, played);
  }

  async #note(
    on: GithubRequest['on'],
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<GithubAnswer | undefined> {
    const { method = '', url = '', headers } = request;
    const noted: GithubRequest = { on, method, url, headers, status: 0 };
    this.requests.push(noted);
    response.once('close', () => {
      noted.status = response.statusCode;
    });
    const next = this.#answers.find(({ answer, left }) => left > 0 && (answer.url?.test(url) ?? true));
    if (next === undefined) return undefined;
    next.left -= 1;
    await next.answer.after;
    return next.answer;
  }

  #mayEnter({ headers }: IncomingMessage): boolean {
    const { tokens, app } = this.#options;
    if (tokens === undefined && app === undefined) return true;
    const token = /^(?:Bearer|token) (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    return this.#issued.has(token) || (tokens?.includes(token) ?? false);
  }

  #giveToken({ headers }: IncomingMessage, response: ServerResponse, installation: string): void {
    const { app } = this.#options;
    const [head = '', claims = '', signature = ''] = (headers.authorization ?? '')
      .replace(/^Bearer /, '')
      .split('.');
    const { iss, iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString() || '{}');
    const now = Date.now() / 1000;
    const signed =
      app !== undefined &&
      verify(
        'RSA-SHA256',
        Buffer.from(`${head}.${claims}`),
        createPublicKey(app.publicKey),
        Buffer.from(signature, 'base64url'),
      );
    if (!signed || iss !== app.id || iat > now || exp < now || exp > now + 600) {
      sendJson(response, 401, { message: 'A JSON web token could not be decoded' });
      return;
    }
    if (installation !== app.installation) {
      sendJson(response, 404, { message: 'Not Found' });
      return;
    }
    const token = `ghs_${this.#nextId()}`;
    this.#issued.add(token);
    sendJson(response, 201, { token, expires_at: new Date(Date.now() + 3_600_000).toISOString() });
  }

  #listReleases(request: IncomingMessage, response: ServerResponse, url: URL): void {
    const perPage = Math.min(Number(url.searchParams.get('per_page') ?? 30), 100);
    const page = Number(url.searchParams.get('page') ?? 1);
    const all = [...this.#releases].reverse();
    const listed = all.slice((page - 1) * perPage, page * perPage);
    const body = JSON.stringify(listed.map(([tag, release]) => this.#releaseJson(tag, release)));
    const etag = `"${createHash('sha256').update(`${body}${request.headers.authorization}`).digest('hex')}"`;
    const pages = Math.max(1, Math.ceil(all.length / perPage));
    const link = (to: number, rel: string) => {
      const target = new URL(url);
      target.searchParams.set('page', String(to));
      return `<${target.href}>; rel="${rel}"`;
    };
    const links = page < pages ? [link(page + 1, 'next'), link(pages, 'last')] : [];
    if (page > 1) links.unshift(link(page - 1, 'prev'), link(1, 'first'));
    const headers = { ...RATE_HEADERS(), etag, ...(links.length > 0 ? { link: links.join(', ') } : {}) };
    if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end();
    else response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end(body);
  }

  #releaseJson(tag: string, release: Release): unknown {
    const own = `${this.apiUrl}/repos/${this.#repository}/releases`;
    return {
      id: release.id,
      url: `${own}/${release.id}`,
      upload_url: `${own}/${release.id}/assets{?name,label}`,
      tag_name: tag,
      name: tag,
      body: 'notes',
      draft: release.draft,
      prerelease: release.prerelease,
      created_at: release.created,
      published_at: release.draft ? null : release.created,
      assets: [...release.assets].map(([name, { id, bytes, state }]) => ({
        id,
        name,
        state,
        size: bytes.length,
        url: `${own}/assets/${id}`,
        digest: this.#options.digests === true ? `sha256:${sha256(bytes)}` : null,
      })),
    };
  }

  #sendRelease(response: ServerResponse, tag: string): void {
    const release = this.#releases.get(tag);
    if (release === undefined) sendJson(response, 404, { message: 'Not Found' });
    else sendJson(response, 200, this.#releaseJson(tag, release));
  }

  #sendAsset(
    request: IncomingMessage,
    response: ServerResponse,
    id: number,
    played: GithubAnswer | undefined,
  ): void {
    const asset = this.#assetOf(id);
    const location = `${this.storeUrl}/${id}?signature=secret`;
    if (asset === undefined) sendJson(response, 404, { message: 'Not Found' });
    else if (request.headers.accept !== 'application/octet-stream') sendJson(response, 200, { id });
    else if (this.#options.direct === true) sendBytes(request, response, asset.bytes, played);
    else response.writeHead(302, { ...RATE_HEADERS(), location }).end();
  }

  async #takeAsset(request: IncomingMessage, response: ServerResponse, id: number, url: URL): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const [tag] = [...this.#releases].find(([, release]) => release.id === id) ?? [];
    const name = url.searchParams.get('name');
    if (tag === undefined || name === null) return sendJson(response, 404, { message: 'Not Found' });
    this.publish(tag, { [name]: Buffer.concat(chunks) });
    sendJson(response, 201, { name, state: 'uploaded' });
  }

  #assetOf(id: number): Asset | undefined {
    for (const { assets } of this.#releases.values()) {
      for (const asset of assets.values()) if (asset.id === id) return asset;
    }
    return undefined;
  }

  #nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }
}

const RATE_HEADERS = () => ({
  'x-ratelimit-limit': '5000',
  'x-ratelimit-remaining': '4999',
  'x-ratelimit-reset': String(Math.floor(Date.now() / 1000) + 3600),
});

function play(response: ServerResponse, { status = 200, headers = {}, body = '' }: GithubAnswer): void {
  response.writeHead(status, headers).end(body);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response
    .writeHead(status, { ...RATE_HEADERS(), 'content-type': 'application/json' })
    .end(JSON.stringify(value));
}

function sendBytes(
  { headers }: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer,
  played: GithubAnswer | undefined,
): void {
  const etag = `"${sha256(bytes)}"`;
  const wanted = /^bytes=(\d+)-$/.exec(headers.range ?? '');
  const fresh = headers['if-range'] === undefined || headers['if-range'] === etag;
  const offset = wanted !== null && fresh ? Number(wanted[1]) : 0;
  if (offset > 0 && offset >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    return;
  }
  const body = bytes.subarray(offset);
  const range = offset > 0 ? { 'content-range': `bytes ${offset}-${bytes.length - 1}/${bytes.length}` } : {};
  response.writeHead(offset > 0 ? 206 : 200, { ...range, etag, 'content-length': body.length });
  const { cutAfter, stallAfter } = played ?? {};
  if (stallAfter !== undefined) response.write(body.subarray(0, stallAfter));
  else if (cutAfter === undefined) response.end(body);
  else response.write(body.subarray(0, cutAfter), () => response.destroy());
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
