import { DeployError } from '@deploy-tools/shared/errors.js';
import { checkJson } from '@deploy-tools/shared/json/decode-json.js';
import { lenient } from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import {
  type Image,
  imageConfigSchema,
  imageJson,
  onlyOne,
  readImageJson,
  verifiedBlob,
  withDiffIds,
} from './image.js';
import type { Spool, SpooledFile } from './spool-archive.js';

/** How deep indexes may contain indexes; real images stay below. */
const MAX_DEPTH = 4;
const INDEX_TYPE = /(?:image\.index|manifest\.list)/;
const NAME_ANNOTATIONS = ['io.containerd.image.name', 'org.opencontainers.image.ref.name'];

const blobSchema = z.object({ digest: z.string() });
const descriptorSchema = z.object({
  digest: z.string(),
  mediaType: lenient(z.string()),
  annotations: z._default(z.record(z.string(), z.unknown()), {}),
  platform: z.optional(
    z.object({
      os: lenient(z.string()),
      architecture: lenient(z.string()),
      variant: lenient(z.string()),
    }),
  ),
});
const indexSchema = z.object({ manifests: z.array(descriptorSchema) });
const manifestSchema = z.object({ config: blobSchema, layers: z.array(blobSchema) });
/** An index or a manifest. */
const contentSchema = z.looseObject({ mediaType: lenient(z.string()) });

type Descriptor = z.output<typeof descriptorSchema>;

interface Candidate {
  readonly digest: string;
  /** Not checked yet. */
  readonly manifest: unknown;
  readonly name: string | undefined;
  readonly platform: string | undefined;
}

/**
 * Reads an OCI image layout (image-spec 1.1): index.json, maybe further indexes, one manifest, its config and layers.
 * @throws DeployError invalid, corrupt, unsupported.
 */
export function ociImage(spool: Spool, indexFile: SpooledFile): Image {
  const { manifests } = readImageJson(indexFile, 'index.json', indexSchema);
  const { digest, manifest, name } = onlyOne([...candidates(spool, manifests)], describe);
  const { config, layers } = checkJson(manifest, manifestSchema, imageJson(digest));
  const imageConfig = readImageJson(verifiedBlob(spool, config.digest), config.digest, imageConfigSchema);
  const files = layers.map((layer) => verifiedBlob(spool, layer.digest));
  return { tag: name, layers: withDiffIds(files, imageConfig) };
}

/** The manifests of an index and of the indexes in it. @param inherited the name of the index. */
function* candidates(
  spool: Spool,
  descriptors: readonly Descriptor[],
  { inherited, depth }: { readonly inherited?: string | undefined; readonly depth: number } = { depth: 0 },
): Generator<Candidate> {
  if (depth > MAX_DEPTH) throw new DeployError('corrupt', 'the indexes of the image are nested too deep');
  for (const descriptor of descriptors) {
    if (isAttestation(descriptor)) continue;
    const { digest, platform } = descriptor;
    const content = readImageJson(verifiedBlob(spool, digest), digest, contentSchema);
    const name = nameOf(descriptor) ?? inherited;
    if (INDEX_TYPE.test(descriptor.mediaType ?? content.mediaType ?? '')) {
      const { manifests } = checkJson(content, indexSchema, imageJson(digest));
      yield* candidates(spool, manifests, { inherited: name, depth: depth + 1 });
    } else yield { digest, manifest: content, name, platform: platformName(platform) };
  }
}

/** Whether a descriptor is build provenance, which BuildKit stores beside images. */
function isAttestation({ annotations }: Descriptor): boolean {
  return annotations['vnd.docker.reference.type'] === 'attestation-manifest';
}

function nameOf({ annotations }: Descriptor): string | undefined {
  const values = NAME_ANNOTATIONS.map((key) => annotations[key]);
  return values.find((value): value is string => typeof value === 'string' && value !== '');
}

function platformName(platform: Descriptor['platform']): string | undefined {
  if (platform === undefined) return undefined;
  const { os, architecture, variant } = platform;
  return [os, architecture, variant].filter((part) => part !== undefined).join('/');
}

function describe({ name, platform }: Candidate): string {
  return [name ?? 'without a name', ...(platform === undefined ? [] : [`for ${platform}`])].join(' ');
}
