import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { LayerFile } from './layer-file.js';
import { packImage } from './repack.js';

/** Where the archives are made, in the directory of the layers. */
export const IMAGE_DIR = 'image';

/**
 * Makes the archives of an image of its layers as they are stored, which are removed then: whiteouts applied, the same
 * bytes as deploy-from-docker makes of the same image.
 * @param stored lowest first.
 * @param pathOf where an archive of that hash is put.
 * @throws DeployError corrupt, invalid, unsafe, too-large, no-space, cancelled.
 */
export async function makeImage(
  stored: readonly LayerFile[],
  dir: string,
  policy: UnpackPolicy,
  pathOf: (hash: string) => string,
  signal: AbortSignal,
): Promise<readonly LayerFile[]> {
  const into = join(dir, IMAGE_DIR);
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { mode: 0o700 });
  try {
    const task = { content: 'image', from: stored.map(({ path }) => path), into, policy } as const;
    const made = await packImage(task, signal);
    for (const { path } of stored) await rm(path, { force: true });
    for (const { path, hash } of made) await rename(path, pathOf(hash));
    return made.map(({ hash, size }, index) => {
      return { path: pathOf(hash), hash, size, name: stored[index]?.name ?? '' };
    });
  } finally {
    await rm(into, { recursive: true, force: true });
  }
}
