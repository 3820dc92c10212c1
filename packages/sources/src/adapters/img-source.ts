import { DeployError } from '@deploy-tools/shared/errors.js';
import { checkJson } from '@deploy-tools/shared/json/decode-json.js';
import * as z from 'zod/mini';
import { openedResponse } from '../objects/http-object.js';
import { httpGet } from '../objects/http-request.js';
import type { ObjectContext } from '../objects/object-context.js';
import type { OpenedObject, OpenFrom } from '../opened-object.js';
import { newestTags } from '../select/select-release.js';
import type { Wants } from '../select/wants.js';
import type { Artifact, Listing, Source, SourceRelease } from '../source.js';
import type { SourcePlace } from '../source-place.js';
import { MANIFEST_TYPES, readManifest } from './image-manifest.js';
import { OciRegistry } from './oci-registry.js';

type ImgPlace = SourcePlace & { readonly scheme: 'img' };

const MAX_PAGES = 100;
/** Tags whose layers are looked up: the newest wanted one, and those to serve when it is taken back. */
const LOOKED_UP = 5;

const tagsSchema = z.object({ tags: z.nullish(z.array(z.unknown())) });

/**
 * A repository of images. A look is one request while its tags are the same; layers are looked up for the newest wanted
 * tags only, once: a tag that is moved to another image is not noticed, as versions never change. Others are listed without layers.
 */
export function openImgSource(label: string, place: ImgPlace, wants: Wants, context: ObjectContext): Source {
  const registry = new OciRegistry(label, place.host, place.repository, context);
  return {
    label,
    kind: 'image',
    list: (known, signal) => list({ label, registry, wants }, known, signal),
    open: (layer, from, signal) => openBlob({ label, registry, context }, layer, from, signal),
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
  const lookedUp = new Set(newestTags(tags, repository.wants, LOOKED_UP));
  const releases: SourceRelease[] = [];
  for (const tag of tags) {
    const held = before.get(tag) ?? [];
    const isWanted = lookedUp.has(tag) && held.length === 0;
    const artifacts = isWanted ? await layersOf(repository, tag, signal) : held;
    releases.push({ tag, prerelease: false, created: undefined, artifacts });
  }
  // An image that is not there for the platform yet is looked up again.
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

/** Registries that make a repository at its first push. */
function noneYet(error: unknown): { readonly json: unknown; readonly link: undefined } {
  if (error instanceof DeployError && error.kind === 'not-found') return { json: {}, link: undefined };
  throw error;
}

/** The `next` of a Link header (RFC 8288). @throws DeployError corrupt when it leads elsewhere. */
function nextPage(label: string, registry: OciRegistry, link: string | undefined): string | undefined {
  const target = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? '')?.[1];
  if (target === undefined) return undefined;
  if (new URL(registry.url(target)).origin === new URL(registry.url('')).origin) return target;
  throw new DeployError('corrupt', `the next tags of ${label} are said to be on another server`);
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

/** Blobs are named by their digest, which is what is verified: they need no other validator. */
async function openBlob(
  { label, registry, context }: Blobs,
  { id }: Artifact,
  from: OpenFrom,
  signal: AbortSignal,
): Promise<OpenedObject> {
  if (!/^sha256:[0-9a-f]{64}$/.test(id))
    throw new DeployError('not-found', `${label} has no layer ${JSON.stringify(id)}`);
  const path = `blobs/${id}`;
  const headers: Record<string, string> = { ...(await registry.authorization(path, signal)) };
  if (from.offset > 0) headers.range = `bytes=${from.offset}-`;
  const request = { headers, headerTimeoutMs: context.headerTimeoutMs, signal };
  const response = await httpGet(new URL(registry.url(path)), request);
  const opened = openedResponse(response, {
    ...{ from: { offset: from.offset }, signal, context, label: `${label} ${id}`, validator: id },
  });
  return opened ?? (await openBlob({ label, registry, context }, { id } as Artifact, { offset: 0 }, signal));
}
