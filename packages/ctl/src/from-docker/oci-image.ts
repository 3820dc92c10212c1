import { DeployError } from '@deploy-tools/shared/errors.js';
import { type Image, onlyOne, withDiffIds } from './image.js';
import { asArray, asObject, asString, type JsonObject, readImageJson, verifiedBlob } from './image-json.js';
import type { Spool, SpooledFile } from './spool-archive.js';

/** An index within an index within …: nobody makes deeper ones. */
const MAX_DEPTH = 4;
const INDEX_TYPE = /(?:image\.index|manifest\.list)/;
const NAME_ANNOTATIONS = ['io.containerd.image.name', 'org.opencontainers.image.ref.name'];

interface Candidate {
  readonly manifest: JsonObject;
  readonly name: string | undefined;
  readonly platform: string | undefined;
}

/**
 * Reads an OCI image layout (image-spec 1.1): index.json, maybe further indexes, one manifest, its config and layers.
 * @throws DeployError invalid, corrupt, unsupported.
 */
export function ociImage(spool: Spool, indexFile: SpooledFile): Image {
  const index = asObject(readImageJson(indexFile, 'index.json'), 'index.json');
  const { manifest, name } = onlyOne([...candidates(spool, index, undefined, 0)], describe);
  const layers = asArray(manifest.layers, 'layers').map((layer) => asObject(layer, 'layers'));
  const configDigest = asString(asObject(manifest.config, 'config').digest, 'config');
  const config = asObject(readImageJson(verifiedBlob(spool, configDigest), configDigest), configDigest);
  const files = layers.map((layer) => verifiedBlob(spool, asString(layer.digest, 'layers')));
  return { tag: name, layers: withDiffIds(files, config) };
}

function* candidates(
  spool: Spool,
  index: JsonObject,
  inherited: string | undefined,
  depth: number,
): Generator<Candidate> {
  if (depth > MAX_DEPTH) throw new DeployError('corrupt', 'the indexes of the image are nested too deep');
  for (const item of asArray(index.manifests, 'manifests')) {
    const descriptor = asObject(item, 'manifests');
    if (isAttestation(descriptor)) continue;
    const digest = asString(descriptor.digest, 'digest');
    const content = asObject(readImageJson(verifiedBlob(spool, digest), digest), digest);
    const name = nameOf(descriptor) ?? inherited;
    const type = String(descriptor.mediaType ?? content.mediaType ?? '');
    if (INDEX_TYPE.test(type)) yield* candidates(spool, content, name, depth + 1);
    else yield { manifest: content, name, platform: platformOf(descriptor) };
  }
}

/** Build provenance that BuildKit stores beside images. */
function isAttestation(descriptor: JsonObject): boolean {
  return annotations(descriptor)['vnd.docker.reference.type'] === 'attestation-manifest';
}

function nameOf(descriptor: JsonObject): string | undefined {
  const values = NAME_ANNOTATIONS.map((key) => annotations(descriptor)[key]);
  return values.find((value): value is string => typeof value === 'string' && value !== '');
}

function annotations(descriptor: JsonObject): JsonObject {
  return descriptor.annotations === undefined ? {} : asObject(descriptor.annotations, 'annotations');
}

function platformOf(descriptor: JsonObject): string | undefined {
  if (descriptor.platform === undefined) return undefined;
  const { os, architecture, variant } = asObject(descriptor.platform, 'platform');
  return [os, architecture, variant].filter((part) => typeof part === 'string').join('/');
}

function describe({ name, platform }: Candidate): string {
  return [name ?? 'without a name', ...(platform === undefined ? [] : [`for ${platform}`])].join(' ');
}
