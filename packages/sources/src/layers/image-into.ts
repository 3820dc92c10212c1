import { open } from 'node:fs/promises';
import { makeArchives } from '@deploy-tools/shared/image/make-archives.js';
import type { ImageTask, Repacked } from './repack-task.js';

/**
 * Makes the archives of an image, and brings them to the disk. For a thread, as repackInto.
 * @returns lowest first.
 * @throws DeployError corrupt, invalid, unsafe, too-large, no-space.
 */
export async function imageInto({ from, into, policy }: ImageTask): Promise<readonly Repacked[]> {
  const layers = from.map((path) => ({ file: { path }, diffId: undefined }));
  const made = await makeArchives(layers, into, policy, new AbortController().signal);
  for (const { path } of made) {
    const file = await open(path, 'r+');
    await file.sync().finally(() => file.close());
  }
  return made;
}
