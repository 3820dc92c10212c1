import { type FileHandle, open, stat } from 'node:fs/promises';
import { detectArchiveFormat, FORMAT_HEAD_BYTES } from '@deploy-tools/shared/archive/archive-format.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { ArchiveSource } from './archive-source.js';
import { checkedArchive } from './checked-archive.js';

const CHUNK_BYTES = 256 * 1024;

/**
 * Opens an archive file for upload. Its format is checked before the upload; after it, that the file did not change meanwhile.
 * @throws DeployError not-found, denied, invalid.
 */
export async function openArchiveFile(path: string): Promise<ArchiveSource> {
  const file = await openFile(path);
  try {
    const state = await file.stat();
    const head = Buffer.alloc(FORMAT_HEAD_BYTES);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    detectFormat(path, head.subarray(0, bytesRead));
    return { label: path, size: state.size, read: () => checkedArchive(path, readUnchanged(path, state)) };
  } finally {
    await file.close();
  }
}

/** Opens a regular file only: opening a FIFO would wait for a writer. */
async function openFile(path: string): Promise<FileHandle> {
  try {
    if ((await stat(path)).isFile()) return await open(path, 'r');
    throw new DeployError('invalid', `${path} is not a file`, { hint: 'pack a directory with -dir' });
  } catch (error) {
    throw toDeployError(error);
  }
}

function detectFormat(path: string, head: Uint8Array): void {
  try {
    detectArchiveFormat(head);
  } catch (error) {
    throw new DeployError('invalid', `${path} is not an archive`, {
      hint: 'give a tar, tar.gz or tar.zst file, or a directory with -dir',
      cause: error,
    });
  }
}

interface FileState {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
}

async function* readUnchanged(path: string, before: FileState): AsyncGenerator<Uint8Array> {
  const file = await openFile(path);
  try {
    for await (const chunk of file.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false })) {
      yield chunk as Buffer;
    }
    const after = await file.stat();
    if (after.ino !== before.ino || after.size !== before.size || after.mtimeMs !== before.mtimeMs) {
      throw new DeployError('conflict', `${path} changed while it was read`, {
        hint: 'nothing was added; run the same command again when the file is complete',
      });
    }
  } finally {
    await file.close();
  }
}
