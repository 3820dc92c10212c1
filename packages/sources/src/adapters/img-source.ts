import { DeployError } from '@deploy-tools/shared/errors.js';
import { checkJson } from '@deploy-tools/shared/json/decode-json.js';
import * as z from 'zod/mini';
import { type ObjectGet, openByGet } from '../objects/http-object.js';
import { httpGet } from '../objects/http-request.js';
import type { ObjectContext, OpenedObject, OpenFrom } from '../opened-object.js';
import { newestTags } from '../select/select-release.js';
import type { Wants } from '../select/wants.js';
import type { Artifact, Listing, Source, SourceRelease } from '../source.js';
import type { SourcePlace } from '../source-place.js';
import { MANIFEST_TYPES, readManifest } from './image-manifest.js';
import { OciRegistry } from './oci-registry.js';

type ImgPlace = SourcePlace & { readonly scheme: 'img' };

const MAX_PAGES = 100;
/** Tags whose layers are looked up: the newest wanted one, and some in case it disappears. */
const MAX_LOOKED_UP = 5;

const tagsSchema = z.object({ tags: z.nullish(z.array(z.unknown())) });

/**
 * A repository of images. A listing is one request while its tags are the same. Layers are looked up once, and for the newest
 * wanted tags only; other tags are listed without layers. A tag that moves to another image is not noticed, as versions
 * never change.
 */
export function openImgSource(label: string, place: ImgPlace, wants: Wants, context: ObjectContext): Source {
  const registry = new OciRegistry(label, place.host, place.repository, context);
  return {
    label,
    kind: 'image',
    list: (known, signal) => list({ label, registry, wants }, known, signal),
    open: async (layer, from, signal) => openBlob({ label, registry, context }, layer, from, signal),
  };
}

interface Repository {
  readonly label: string;
  readonly registry: OciRegistry;
  readonly wants: Wants;
}

async function list(
  repository: Repository,
  known: Listing | undefined,
  signal: AbortSignal,
): Promise<Listing> {
  const tags = await listTags(repository, signal);
  const validator = JSON.stringify(tags);
  if (known?.validator === validator) return known;
  const before = new Map(known?.releases.map((release) => [release.tag, release.artifacts]));
  const lookedUp = new Set(newestTags(tags, repository.wants, MAX_LOOKED_UP));
  const releases: SourceRelease[] = [];
  for (const tag of tags) {
    const held = before.get(tag) ?? [];
    const isWanted = lookedUp.has(tag) && held.length === 0;
    const artifacts = isWanted ? await layersOf(repository, tag, signal) : held;
    releases.push({ tag, prerelease: false, created: undefined, artifacts });
  }
  // An image that lacks the platform so far is looked up again.
  const isComplete = releases.every(({ tag, artifacts }) => !lookedUp.has(tag) || artifacts.length > 0);
  return { releases, validator: isComplete ? validator : undefined };
}

async function listTags({ label, registry }: Repository, signal: AbortSignal): Promise<string[]> {
  const tags: string[] = [];
  let path: string | undefined = 'tags/list?n=1000';
  for (let pages = 0; path !== undefined; pages++) {
    if (pages === MAX_PAGES) throw new DeployError('too-large', `${label} has too many tags`);
    const answer: { readonly json: unknown; readonly link: string | undefined } = await registry
      .json(path, 'application/json', signal)
      .catch(noneYet);
    const page = checkJson(answer.json, tagsSchema, { what: `the list of ${label}`, kind: 'corrupt' });
    tags.push(...(page.tags ?? []).filter((tag) => typeof tag === 'string'));
    path = nextPage(label, registry, answer.link);
  }
  return tags.sort();
}

/** An empty list for a repository that its registry makes at the first push. */
function noneYet(error: unknown): { readonly json: unknown; readonly link: undefined } {
  if (error instanceof DeployError && error.kind === 'not-found') return { json: {}, link: undefined };
  throw error;
}

/** The `next` of a Link header (RFC 8288). @throws DeployError corrupt when it leads elsewhere. */
function nextPage(label: string, registry: OciRegistry, link: string | undefined): string | undefined {
  const target = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? '')?.[1];
  if (target === undefined) return undefined;
  if (new URL(registry.url(target)).origin === new URL(registry.url('')).origin) return target;
  throw new DeployError(
    'corrupt',
    `the list of tags of ${label} continues on another server, which is not followed`,
  );
}

async function layersOf({ label, registry, wants }: Repository, tag: string, signal: AbortSignal) {
  const name = `${label} ${tag}`;
  const { json } = await registry.json(`manifests/${tag}`, MANIFEST_TYPES, signal);
  const found = readManifest(name, json, wants.platform);
  if ('layers' in found) return found.layers;
  if (found.image === undefined) return [];
  const image = await registry.json(`manifests/${found.image}`, MANIFEST_TYPES, signal);
  const read = readManifest(name, image.json, wants.platform);
  if ('layers' in read) return read.layers;
  throw new DeployError('corrupt', `${name} is a list of lists of images`);
}

interface Blobs {
  readonly label: string;
  readonly registry: OciRegistry;
  readonly context: ObjectContext;
}

/** Opens a layer. Its digest, which is verified, is its name and validator. */
function openBlob(
  { label, registry, context }: Blobs,
  { id }: Artifact,
  from: OpenFrom,
  signal: AbortSignal,
): Promise<OpenedObject> {
  if (!/^sha256:[0-9a-f]{64}$/.test(id))
    throw new DeployError('not-found', `${label} has no layer ${JSON.stringify(id)}`);
  const path = `blobs/${id}`;
  const get: ObjectGet['get'] = async (range) => {
    const headers = { ...(await registry.authorization(path, signal)), ...range };
    const { headerTimeoutMs } = context;
    return await httpGet(new URL(registry.url(path)), { headers, headerTimeoutMs, signal });
  };
  return openByGet({ label: `${label} ${id}`, context, get, validatorOf: () => id }, from, signal);
}
