import { createReadStream } from 'node:fs';
import { SIZELESS_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';
import { makeArchives } from '@deploy-tools/shared/image/make-archives.js';
import type { ArchiveSource } from '../addver/archive-source.js';
import { componentName } from './configuration-name.js';
import type { Image } from './image.js';

/** A layer as it is added to the registry. */
export interface MadeLayer {
  readonly component: string;
  /** Hex SHA-256 of the archive, which is also its version. */
  readonly hash: string;
  readonly size: number;
  readonly archive: ArchiveSource;
}

/**
 * Makes the archives of an image's layers, whiteouts applied, as files in a directory.
 * @param name components are called `<name>.l1`, `<name>.l2`, …, from the lowest layer up.
 * @throws DeployError corrupt, invalid, unsafe, no-space, cancelled.
 */
export async function makeLayers(
  image: Image,
  name: string,
  dir: string,
  signal: AbortSignal,
): Promise<MadeLayer[]> {
  const made = await makeArchives(image.layers, dir, SIZELESS_UNPACK_POLICY, signal);
  return made.map(({ path, hash, size }, index) => {
    const component = componentName(name, index);
    const archive = { label: component, size, read: () => createReadStream(path) };
    return { component, hash, size, archive };
  });
}
