import { DeployError } from '@deploy-tools/shared/errors.js';

export type ArchiveKind = 'tar' | 'tar.gz' | 'tar.zst';

/** How much of a file's beginning {@link archiveKind} wants to see, in bytes. */
export const ARCHIVE_HEAD_BYTES = 512;

/**
 * Tells what an archive is by its content, never by its name.
 * @param head the first {@link ARCHIVE_HEAD_BYTES} of the file, or all of a shorter one.
 * @throws DeployError invalid when it is none that an agent can unpack.
 */
export function archiveKind(path: string, head: Buffer): ArchiveKind {
  if (head.length >= 2 && head.readUInt16BE(0) === 0x1f8b) return 'tar.gz';
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) return 'tar.zst';
  if (isTarHeader(head)) return 'tar';
  throw new DeployError('invalid', `${path} is not an archive`, {
    hint: 'give a tar, tar.gz or tar.zst file, or a directory with -dir',
  });
}

/** A header whose checksum is right (POSIX ustar), or the block of zeros that an empty archive begins with. */
function isTarHeader(head: Buffer): boolean {
  if (head.length < ARCHIVE_HEAD_BYTES) return false;
  if (head.every((byte) => byte === 0)) return true;
  const stated = Number.parseInt(head.toString('latin1', 148, 156).replace(/[\0 ]+/g, ''), 8);
  let sum = 0;
  for (const [index, byte] of head.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  return stated === sum;
}
