import { readFileSync } from 'node:fs';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { ImageLayer } from '@deploy-tools/shared/image/image.js';
import { decodeJson, type JsonSubject } from '@deploy-tools/shared/json/decode-json.js';
import * as z from 'zod/mini';
import { type Spool, type SpooledFile, spooledFile } from './spool-archive.js';

const MAX_JSON_BYTES = 4 * 1024 * 1024;

export interface Image {
  /** The tag of the image, `alpine:latest`. */
  readonly tag: string | undefined;
  /** From the lowest up. */
  readonly layers: readonly ImageLayer[];
}

/** The only one of these images. @throws DeployError invalid when there is none, or naming them when there are several. */
export function onlyOne<T>(images: readonly T[], describe: (image: T) => string): T {
  const [image, ...others] = images;
  if (image === undefined) throw new DeployError('invalid', 'the input holds no image');
  if (others.length > 0) {
    throw new DeployError(
      'invalid',
      `the input holds ${images.length} images: ${images.map(describe).join(', ')}`,
      {
        hint: 'save one image, for one platform, at a time',
      },
    );
  }
  return image;
}

/** The part of an image's configuration that is read; very old images have no `rootfs`. */
export const imageConfigSchema = z.object({
  rootfs: z.optional(z.object({ diff_ids: z.array(z.unknown()) })),
});

/**
 * Pairs layers with the digests of their content in the image's configuration.
 * @throws DeployError corrupt when their numbers differ.
 */
export function withDiffIds(
  files: readonly SpooledFile[],
  { rootfs }: z.output<typeof imageConfigSchema>,
): ImageLayer[] {
  if (rootfs === undefined) return files.map((file) => ({ file, diffId: undefined }));
  const ids = rootfs.diff_ids;
  if (ids.length !== files.length) {
    throw new DeployError('corrupt', `the image has ${files.length} layers and digests of ${ids.length}`);
  }
  return files.map((file, index) => ({
    file,
    diffId: /^sha256:([0-9a-f]{64})$/.exec(String(ids[index]))?.[1],
  }));
}

/**
 * Reads a JSON file of the image; fields that the schema does not have are ignored.
 * @param name for messages.
 * @throws DeployError corrupt, too-large.
 */
export function readImageJson<Schema extends z.core.$ZodType>(
  file: SpooledFile,
  name: string,
  schema: Schema,
): z.output<Schema> {
  if (file.size > MAX_JSON_BYTES) throw new DeployError('too-large', `${name} in the image is too long`);
  return decodeJson(readFileSync(file.path, 'utf8'), schema, imageJson(name));
}

/** How errors name a JSON file of the image. */
export function imageJson(name: string): JsonSubject {
  return { what: `${name} in the image`, kind: 'corrupt' };
}

/** The blob of a digest, `sha256:<hex>`, verified. @throws DeployError corrupt, unsupported. */
export function verifiedBlob(spool: Spool, digest: string): SpooledFile {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
  if (hex === undefined)
    throw new DeployError('unsupported', `unknown kind of digest in the image: ${digest}`);
  const file = spooledFile(spool, `blobs/sha256/${hex}`);
  if (file === undefined) throw new DeployError('corrupt', `the image lacks blob ${digest}`);
  if (file.sha256 !== hex) throw new DeployError('corrupt', `blob ${digest} of the image is damaged`);
  return file;
}
