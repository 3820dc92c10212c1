import { DeployError } from '@deploy-tools/shared/errors.js';
import type { ImageLayer } from '@deploy-tools/shared/image/image.js';
import * as z from 'zod/mini';
import type { SpooledFile } from './spool-archive.js';

export interface Image {
  /** How the image calls itself, `alpine:latest`; undefined when it has no tag. */
  readonly tag: string | undefined;
  /** From the lowest up. */
  readonly layers: readonly ImageLayer[];
}

/** The one image of several candidates. @throws DeployError invalid, naming them. */
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
