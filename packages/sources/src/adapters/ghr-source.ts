import type { IncomingMessage } from 'node:http';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import { countSchema } from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import { ifRange, type ObjectGet, openByGet, validatorOf } from '../objects/http-object.js';
import { objectContext } from '../objects/open-url.js';
import type { ObjectContext } from '../opened-object.js';
import type { Listing, ShippedReport, Source, SourceRelease } from '../source.js';
import type { SourceContext } from '../source-context.js';
import type { SourcePlace } from '../source-place.js';
import { GithubApi } from './github-api.js';
import { githubCredentials } from './github-credentials.js';
import { checkGithub, githubReleases, wordSchema } from './github-releases.js';
import { shippingRecord } from './shipping-record.js';

const PUBLIC_API = 'https://api.github.com';
const PER_PAGE = 100;
/** GitHub lists no more than 10,000 releases. */
const MAX_PAGES = 100;
const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * The releases of a repository on GitHub or GitHub Enterprise (GITHUB_API_URL).
 * A listing is one conditional request for each hundred releases; unchanged pages do not count against the rate limit.
 * @throws DeployError invalid, denied, not-found: wrong credentials in the environment.
 */
export function openGhrSource(
  label: string,
  place: SourcePlace & { scheme: 'ghr' },
  context: SourceContext,
): Source {
  const { environment, log } = context;
  const timeoutMs = context.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const api = new GithubApi({
    base: apiBase(environment.GITHUB_API_URL || PUBLIC_API),
    credentials: githubCredentials(environment),
    log,
    timeoutMs,
    now: Date.now,
  });
  const repository = `/repos/${place.owner}/${place.repository}`;
  return {
    label,
    kind: 'files',
    list: (known, signal) => listReleases({ api, repository }, known, signal),
    open: assetOpener(api, `${repository}/releases/assets/`, objectContext(environment, timeoutMs)),
    report: (shipped, signal) => report({ api, repository }, shipped, signal),
  };
}

function apiBase(url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url.replace(/\/+$/, '');
  throw new DeployError('invalid', 'GITHUB_API_URL is not an http(s):// URL', {
    hint: 'for GitHub Enterprise it is https://HOST/api/v3',
  });
}

/** A listing's validator: the ETag of each page, and its number of releases. */
const pageSchema = z.object({ etag: z.string(), releases: countSchema });

type KnownPage = z.output<typeof pageSchema>;

interface Repository {
  readonly api: GithubApi;
  /** Its path below the API. */
  readonly repository: string;
}

async function listReleases(
  { api, repository }: Repository,
  known: Listing | undefined,
  signal: AbortSignal,
): Promise<Listing> {
  const knownPages = pagesOf(known);
  const pages: KnownPage[] = [];
  const releases: SourceRelease[] = [];
  let next: string | undefined = `${repository}/releases?per_page=${PER_PAGE}`;
  let changed = known === undefined;
  let before = 0;
  while (next !== undefined && pages.length < MAX_PAGES) {
    const knownPage = knownPages[pages.length];
    const headers = knownPage === undefined ? {} : { 'if-none-match': knownPage.etag };
    const response: IncomingMessage = await api.request(next, { headers }, signal);
    const unchanged = response.statusCode === 304 && knownPage !== undefined && known !== undefined;
    if (unchanged) response.resume();
    const page = unchanged
      ? known.releases.slice(before, before + knownPage.releases)
      : githubReleases(await api.json(response, signal));
    const etag = unchanged ? knownPage.etag : (response.headers.etag ?? '');
    before += knownPage?.releases ?? 0;
    changed ||= !unchanged;
    pages.push({ etag, releases: page.length });
    releases.push(...page);
    next = nextPage(api, response.headers.link);
  }
  if (!changed && known !== undefined && pages.length === knownPages.length) return known;
  const validator = pages.every(({ etag }) => etag !== '') ? JSON.stringify(pages) : undefined;
  return { releases, validator };
}

function pagesOf(known: Listing | undefined): KnownPage[] {
  if (known?.validator === undefined) return [];
  return decodeJson(known.validator, z.array(pageSchema), { what: 'the kept listing', kind: 'corrupt' });
}

/** The `next` of a Link header (RFC 8288). @throws DeployError corrupt when it leads elsewhere. */
function nextPage(api: GithubApi, link: string | string[] | undefined): string | undefined {
  const url = /<([^>]+)>\s*;\s*rel="next"/.exec(String(link ?? ''))?.[1];
  if (url === undefined || api.isOwn(url)) return url;
  throw new DeployError('corrupt', 'the link to the next page of releases leads to another server', {
    hint: 'check GITHUB_API_URL, and proxies on the way',
  });
}

/** Opens assets of releases. @param assets their path below the API. */
function assetOpener(api: GithubApi, assets: string, context: ObjectContext): Source['open'] {
  const accept = { accept: 'application/octet-stream', 'accept-encoding': 'identity' };
  return async ({ id, name: label }, from, signal) => {
    if (!/^\d{1,20}$/.test(id))
      throw new DeployError('not-found', `there is no artifact ${JSON.stringify(id)}`);
    const get: ObjectGet['get'] = (range, part) =>
      api.request(`${assets}${id}`, { headers: { ...accept, ...range, ...ifRange(part) } }, signal);
    return await openByGet({ label, context, get, validatorOf }, from, signal);
  };
}

/** Records a successful deployment as dewy does: as an asset of the release whose name is the record. */
async function report(
  { api, repository }: Repository,
  shipped: ShippedReport,
  signal: AbortSignal,
): Promise<void> {
  if (shipped.error !== undefined) return;
  const tagged = await api.request(
    `${repository}/releases/tags/${encodeURIComponent(shipped.tag)}`,
    {},
    signal,
  );
  const release = checkGithub(
    await api.json(tagged, signal),
    z.object({ upload_url: wordSchema }),
    'release',
  );
  const upload = release.upload_url.replace(/\{.*$/, '');
  if (!api.isOwn(upload)) {
    throw new DeployError('corrupt', 'records are to be uploaded to a server that is not GitHub');
  }
  const info = shippingRecord(shipped);
  const url = new URL(upload);
  url.searchParams.set('name', `${info.replaceAll(' ', '_')}.txt`);
  const headers = { 'content-type': 'text/plain', 'content-length': String(Buffer.byteLength(info)) };
  const response = await api.request(url.href, { post: info, headers }, signal);
  response.resume();
}
