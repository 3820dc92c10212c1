import { DeployError } from '../errors.js';
import { hasValidChecksum, isZeroBlock, TAR_BLOCK } from './tar-header.js';

export type ArchiveFormat = 'tar' | 'tar.gz' | 'tar.zst';

/** The number of leading bytes that `detectArchiveFormat` needs; fewer when the archive is shorter. */
export const FORMAT_HEAD_BYTES = TAR_BLOCK;

/**
 * Detects the format of an archive by its first bytes, never by its name.
 * @throws DeployError invalid.
 */
export function detectArchiveFormat(head: Uint8Array): ArchiveFormat {
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, FORMAT_HEAD_BYTES));
  if (bytes.length === 0) throw notAnArchive('the archive is empty');
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'tar.gz';
  if (isZstd(bytes)) return 'tar.zst';
  if (bytes.length === TAR_BLOCK && (isZeroBlock(bytes) || hasValidChecksum(bytes))) return 'tar';
  throw notAnArchive('this is not a tar, tar.gz or tar.zst archive');
}

/** Whether the bytes begin a Zstandard frame, or a skippable frame before it (RFC 8878, sections 3.1.1 and 3.1.2). */
function isZstd(bytes: Buffer): boolean {
  if (bytes.length < 4) return false;
  const magic = bytes.readUInt32LE(0);
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50;
}

function notAnArchive(message: string): DeployError {
  return new DeployError('invalid', message, {
    hint: 'make it with tar, tar -z or tar --zstd',
  });
}
