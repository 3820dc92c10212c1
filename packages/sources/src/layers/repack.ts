import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { runInThread } from '@deploy-tools/shared/thread/run-in-thread.js';
import type { ArtifactContent } from './artifact-content.js';

/** One block of bzip2 may take half of it. */
const MAX_HEAP_MIB = 1024;

/** The task of a thread: make a tar.gz of an artifact. */
export interface RepackTask {
  readonly from: string;
  /** A file that does not exist yet. */
  readonly into: string;
  readonly content: Exclude<ArtifactContent, 'tar' | 'tar.gz' | 'tar.zst'>;
  /** The name of a single file in the archive. */
  readonly name: string;
  readonly policy: UnpackPolicy;
}

/** The task of a thread: make the archives of an image of its stored layers. */
export interface ImageTask {
  readonly content: 'image';
  /** Lowest first. */
  readonly from: readonly string[];
  /** An empty directory. */
  readonly into: string;
  readonly policy: UnpackPolicy;
}

/** An archive that was made. */
export interface Repacked {
  readonly path: string;
  /** Hex SHA-256. */
  readonly hash: string;
  readonly size: number;
}

/** An archive on this disk that is a layer as it is: tar, tar.gz or tar.zst. */
export interface LayerFile extends Repacked {
  /** Of its artifact. */
  readonly name: string;
}

/** Makes a tar.gz of an artifact in a thread, as `runInThread` does. */
export async function repack(task: RepackTask, signal: AbortSignal): Promise<Repacked> {
  const [made] = await packInThread(task, signal);
  if (made === undefined) throw new DeployError('internal', 'the packing thread made nothing');
  return made;
}

/** The directory, in that of the layers, where the archives of an image are made. */
export const IMAGE_DIR = 'image';

export interface StoredImage {
  /** The layers as they are stored, lowest first. */
  readonly stored: readonly LayerFile[];
  readonly dir: string;
  readonly policy: UnpackPolicy;
  /** The path for an archive with this hash. */
  readonly pathOf: (hash: string) => string;
}

/**
 * Makes the archives of an image in a thread, byte for byte those of deploy-from-docker: whiteouts are applied. Removes the
 * stored layers.
 * @throws DeployError corrupt, invalid, unsafe, too-large, no-space, cancelled.
 */
export async function makeImage(image: StoredImage, signal: AbortSignal): Promise<readonly LayerFile[]> {
  const { stored, dir, policy, pathOf } = image;
  const into = join(dir, IMAGE_DIR);
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { mode: 0o700 });
  try {
    const from = stored.map(({ path }) => path);
    const made = await packInThread({ content: 'image', from, into, policy }, signal);
    for (const path of from) await rm(path, { force: true });
    for (const { path, hash } of made) await rename(path, pathOf(hash));
    return made.map(({ hash, size }, index) => {
      return { path: pathOf(hash), hash, size, name: stored[index]?.name ?? '' };
    });
  } finally {
    await rm(into, { recursive: true, force: true });
  }
}

function packInThread(task: RepackTask | ImageTask, signal: AbortSignal): Promise<readonly Repacked[]> {
  const thread = {
    module: new URL('./repack-worker.js', import.meta.url),
    task,
    heapMiB: MAX_HEAP_MIB,
    name: 'the packing thread',
    tooLarge: {
      message: `decompressing it takes more than ${MAX_HEAP_MIB} MiB of memory`,
      hint: 'publish it as tar.gz or tar.zst, or in several parts',
    },
  };
  return runInThread(thread, signal);
}
