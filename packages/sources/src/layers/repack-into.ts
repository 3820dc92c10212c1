import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { EntryPolicy } from '@deploy-tools/shared/archive/entry-policy.js';
import { gzipBytes } from '@deploy-tools/shared/archive/gzip-bytes.js';
import { toDeployError } from '@deploy-tools/shared/errors.js';
import { makeArchives } from '@deploy-tools/shared/image/make-archives.js';
import { fileToTar } from './file-to-tar.js';
import { inflated } from './inflated.js';
import type { ImageTask, Repacked, RepackTask } from './repack.js';
import { zipToTar } from './zip-to-tar.js';

/**
 * Makes a tar.gz of an artifact and flushes it to the disk. For a thread: decompressors work with synchronous calls.
 * @throws DeployError corrupt, invalid, unsafe, too-large, no-space.
 */
export async function repackInto(task: RepackTask): Promise<Repacked> {
  const { size } = await stat(task.from);
  const hash = createHash('sha256');
  let written = 0;
  const file = await open(task.into, 'wx', 0o600);
  try {
    for await (const chunk of gzipBytes(tarOf(task, size))) {
      hash.update(chunk);
      written += chunk.length;
      await file.writeFile(chunk);
    }
    await file.sync();
  } catch (error) {
    throw toDeployError(error);
  } finally {
    await file.close();
  }
  return { path: task.into, hash: hash.digest('hex'), size: written };
}

function tarOf({ from, content, name, policy }: RepackTask, size: number): AsyncGenerator<Uint8Array> {
  const entryPolicy = new EntryPolicy(policy);
  switch (content) {
    case 'zip':
      return zipToTar(from, size, entryPolicy);
    case 'file':
      return fileToTar(from, name, size, entryPolicy);
    default:
      return inflated(from, content, size, entryPolicy);
  }
}

/**
 * Makes the archives of an image and flushes them to the disk. For a thread, as repackInto.
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
