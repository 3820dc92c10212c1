import { open } from 'node:fs/promises';
import { byteName } from '@deploy-tools/shared/archive/byte-name.js';
import { gzipBytes } from '@deploy-tools/shared/archive/gzip-bytes.js';
import { TAR_END, type TarMember, tarHeader, tarPadding } from '@deploy-tools/shared/archive/tar-blocks.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { ArchiveSource } from './archive-source.js';
import { type DirectoryEntry, listDirectory } from './directory-entries.js';

const CHUNK_BYTES = 256 * 1024;
const PERMISSIONS = 0o777;

/**
 * Packs a directory as a tar.gz while it is uploaded. The bytes depend on names, modes, link targets and contents; not on
 * owners, the place of the directory, or the order on disk.
 * @param mtime the time of every entry, or `keep` for its own.
 * @throws DeployError invalid when the directory is empty or contains a device, a FIFO or a socket.
 */
export function openDirectory(dir: string, mtime: Date | 'keep'): ArchiveSource {
  const entries = listDirectory(dir);
  if (entries.length === 0) throw new DeployError('invalid', `${dir} is empty`);
  return { label: dir, size: undefined, read: (signal) => gzipBytes(tarBytes(entries, mtime, signal)) };
}

async function* tarBytes(
  entries: readonly DirectoryEntry[],
  mtime: Date | 'keep',
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    signal.throwIfAborted();
    const member = memberOf(entry, mtime === 'keep' ? entry.stat.mtime : mtime);
    yield tarHeader(member);
    if (member.size === 0) continue;
    yield* fileBytes(entry);
    yield tarPadding(member.size);
  }
  yield TAR_END;
}

function memberOf({ kind, path, stat, target }: DirectoryEntry, mtime: Date): TarMember {
  const isLink = kind === 'symlink';
  return {
    type: kind,
    path: byteName(path),
    linkTarget: byteName(target ?? ''),
    mode: isLink ? PERMISSIONS : stat.mode & PERMISSIONS,
    uid: 0,
    gid: 0,
    size: kind === 'file' ? stat.size : 0,
    mtimeSeconds: Math.floor(mtime.getTime() / 1000),
    mtimeNanoseconds: 0,
  };
}

/** Reads exactly as many bytes as the header says. @throws DeployError conflict when the file has changed. */
async function* fileBytes({ file, stat }: DirectoryEntry): AsyncGenerator<Uint8Array> {
  const handle = await open(file, 'r').catch((error: unknown) => Promise.reject(toDeployError(error)));
  try {
    let left = stat.size;
    while (left > 0) {
      const { bytesRead, buffer } = await handle.read({
        buffer: Buffer.allocUnsafe(Math.min(CHUNK_BYTES, left)),
      });
      if (bytesRead === 0) break;
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    const now = await handle.stat();
    if (left > 0 || now.size !== stat.size || now.mtimeMs !== stat.mtimeMs || now.ino !== stat.ino) {
      throw new DeployError('conflict', `${file} changed while it was packed`, {
        hint: 'nothing was added; run the same command again when nobody writes to the directory',
      });
    }
  } finally {
    await handle.close();
  }
}
