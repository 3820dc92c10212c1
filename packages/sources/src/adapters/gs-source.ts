import { checkJson } from '@deploy-tools/shared/json/decode-json.js';
import { lenient } from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import { googleAccess, googleUrl } from '../objects/google-access.js';
import { googleStorage } from '../objects/gs-object.js';
import { httpError } from '../objects/http-errors.js';
import { httpGet, httpJson } from '../objects/http-request.js';
import type { ObjectContext } from '../opened-object.js';
import type { Listing, ShippedReport, Source } from '../source.js';
import type { SourcePlace } from '../source-place.js';
import { BucketListing, type BucketObject, keyPrefix } from './bucket-releases.js';
import { shippingObject } from './shipping-record.js';

type GsPlace = SourcePlace & { readonly scheme: 'gs' };

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const FIELDS = 'items(name,size,updated),nextPageToken';

/** A bucket of releases at Google, `<prefix>/<version>/<artifact>`. A listing is a request for each thousand objects. */
export function openGsSource(label: string, place: GsPlace, context: ObjectContext): Source {
  const open = googleStorage(context);
  const { environment } = context;
  const [reading, writing] = [googleAccess(environment), googleAccess(environment, 'read_write')];
  const call: Call = async (path, post, signal) => {
    const access = await (post === undefined ? reading : writing)(objectUrl(place, ''));
    const headers = { ...access.headers, ...(post === undefined ? {} : { 'content-type': 'text/plain' }) };
    const { headerTimeoutMs, idleTimeoutMs: idleMs } = context;
    const response = await httpGet(googleUrl(access.endpoint, path), {
      post,
      headers,
      headerTimeoutMs,
      signal,
    });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300)
      return await httpJson(response, { label, maxBytes: MAX_ANSWER_BYTES, idleMs, signal });
    response.destroy();
    throw httpError(label, status, response.headers['retry-after']);
  };
  return {
    label,
    kind: 'files',
    list: (known, signal) => list({ label, place, call }, known, signal),
    open: (artifact, from, signal) => open(objectUrl(place, artifact.id), from, signal),
    report: (shipped, signal) => report({ label, place, call }, shipped, signal),
  };
}

/** @param post a text to POST; GET without. */
type Call = (path: string, post: string | undefined, signal: AbortSignal) => Promise<unknown>;

const objectSchema = z.object({
  name: z.string(),
  /** A number in a string: JSON has no 64-bit integers. */
  size: lenient(z.string().check(z.regex(/^\d{1,15}$/))),
  updated: lenient(z.string()),
});

const pageSchema = z.object({
  items: z._default(z.array(objectSchema), []),
  nextPageToken: lenient(z.string()),
});

interface Bucket {
  readonly label: string;
  readonly place: GsPlace;
  readonly call: Call;
}

async function list(
  { label, place, call }: Bucket,
  known: Listing | undefined,
  signal: AbortSignal,
): Promise<Listing> {
  const listing = new BucketListing(label, place.prefix);
  const query = new URLSearchParams({ prefix: keyPrefix(place.prefix), fields: FIELDS, maxResults: '1000' });
  for (;;) {
    const path = `/storage/v1/b/${encodeURIComponent(place.bucket)}/o?${query}`;
    const answer = await call(path, undefined, signal);
    const page = checkJson(answer, pageSchema, { what: `the list of ${label}`, kind: 'corrupt' });
    listing.add(page.items.map(bucketObject));
    if (!page.nextPageToken) return listing.releases(known);
    query.set('pageToken', page.nextPageToken);
  }
}

function bucketObject({ name, size, updated }: z.output<typeof objectSchema>): BucketObject {
  return { key: name, size: size === undefined ? undefined : Number(size), changed: updated };
}

/** Records a successful deployment as dewy does: as an empty object whose name is the record. */
async function report({ place, call }: Bucket, shipped: ShippedReport, signal: AbortSignal): Promise<void> {
  if (shipped.error !== undefined) return;
  const name = `${keyPrefix(place.prefix)}${shipped.tag}/${shippingObject(shipped)}`;
  const query = new URLSearchParams({ uploadType: 'media', name });
  const path = `/upload/storage/v1/b/${encodeURIComponent(place.bucket)}/o?${query}`;
  await call(path, '', signal);
}

function objectUrl({ bucket }: GsPlace, key: string): URL {
  return new URL(`gs://${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`);
}
