import { DeployError } from '@deploy-tools/shared/errors.js';
import { checkJson, type JsonSubject } from '@deploy-tools/shared/json/decode-json.js';
import { lenient } from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import { canonicalPlatform, type Platform } from '../select/platform.js';
import type { Artifact } from '../source.js';

const INDEXES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const MANIFESTS = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
/** The Accept header for indexes and manifests in both forms. */
export const MANIFEST_TYPES = [...INDEXES, ...MANIFESTS].join(', ');

/** SHA-256 is the only digest that is verified. */
const digestSchema = z.string().check(z.regex(/^sha256:[0-9a-f]{64}$/));
const descriptorSchema = z.object({
  digest: z.unknown(),
  platform: lenient(z.object({ os: z.string(), architecture: z.string() })),
});
const indexSchema = z.object({ manifests: z.array(descriptorSchema) });
const layerSchema = z.object({ digest: digestSchema, size: lenient(z.number()) });

/** The manifest of a tag: an image's layers, or the digest of the image for a platform, if there is one. */
type ReadManifest = { readonly layers: readonly Artifact[] } | { readonly image: string | undefined };

/** @param label for messages: the image with its tag. @throws DeployError corrupt, unsupported. */
export function readManifest(label: string, json: unknown, platform: Platform): ReadManifest {
  const subject: JsonSubject = { what: `the manifest of ${label}`, kind: 'corrupt' };
  const index = z.safeParse(indexSchema, json).data;
  if (index !== undefined) {
    const fits = index.manifests.find((each) => isFor(each, platform));
    if (fits === undefined) return { image: undefined };
    return { image: checkJson(fits, z.object({ digest: digestSchema }), subject).digest };
  }
  const manifest = z.safeParse(z.object({ layers: z.array(z.unknown()) }), json).data;
  if (manifest === undefined) {
    throw new DeployError('unsupported', `${label} has a manifest in an unknown format`, {
      hint: 'push it as an OCI image or with Docker 1.10 or later',
    });
  }
  const layers = checkJson(manifest, z.object({ layers: z.array(layerSchema) }), subject).layers;
  return {
    layers: layers.map(({ digest, size }, index) => ({
      name: `layer-${index + 1}`,
      id: digest,
      size,
      digest,
    })),
  };
}

function isFor({ platform }: z.output<typeof descriptorSchema>, wanted: Platform): boolean {
  if (platform === undefined) return false;
  const { os, arch } = canonicalPlatform({ os: platform.os, arch: platform.architecture });
  return os === wanted.os && arch === wanted.arch;
}
