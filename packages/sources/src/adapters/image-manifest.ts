import { DeployError } from '@deploy-tools/shared/errors.js';
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
/** For the Accept header: either form of either, index and image. */
export const MANIFEST_TYPES = [...INDEXES, ...MANIFESTS].join(', ');

const DIGEST = /^sha256:[0-9a-f]{64}$/;

interface Descriptor {
  readonly mediaType?: unknown;
  readonly digest?: unknown;
  readonly size?: unknown;
  readonly platform?: { readonly os?: unknown; readonly architecture?: unknown };
}

/** What a manifest of a tag is: an image's layers, or the digest of the image for a platform; undefined: it has none. */
export type ReadManifest = { readonly layers: readonly Artifact[] } | { readonly image: string | undefined };

/** @param label for messages: the image with its tag. @throws DeployError corrupt, unsupported. */
export function readManifest(label: string, json: unknown, platform: Platform): ReadManifest {
  const manifest = (json ?? {}) as { readonly manifests?: unknown; readonly layers?: unknown };
  if (Array.isArray(manifest.manifests)) {
    const fits = (manifest.manifests as Descriptor[]).find((each) => isFor(each, platform));
    return { image: fits === undefined ? undefined : digestOf(label, fits) };
  }
  if (!Array.isArray(manifest.layers)) {
    throw new DeployError('unsupported', `${label} has a manifest of a form that is not known`, {
      hint: 'push it as an OCI image or with Docker 1.10 or later',
    });
  }
  const layers = (manifest.layers as Descriptor[]).map((layer, index) => {
    const digest = digestOf(label, layer);
    const size = typeof layer.size === 'number' ? layer.size : undefined;
    return { name: `layer-${index + 1}`, id: digest, size, digest };
  });
  return { layers };
}

function isFor({ platform }: Descriptor, wanted: Platform): boolean {
  const { os, architecture } = platform ?? {};
  if (typeof os !== 'string' || typeof architecture !== 'string') return false;
  const has = canonicalPlatform({ os, arch: architecture });
  return has.os === wanted.os && has.arch === wanted.arch;
}

/** Other digests than SHA-256 are not verified anywhere here. */
function digestOf(label: string, { digest }: Descriptor): string {
  if (typeof digest === 'string' && DIGEST.test(digest)) return digest;
  throw new DeployError('corrupt', `${label} names a layer without a SHA-256 digest`);
}
