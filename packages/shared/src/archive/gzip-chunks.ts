import { createGunzip } from 'node:zlib';
import { DeployError, errnoOf } from '../errors.js';
import { DECOMPRESSED_STEP_BYTES, decompressAhead } from '../read-ahead.js';

/**
 * Decompresses gzip (RFC 1952). Several members are one stream. Zeros after the last member are ignored; other bytes are an error.
 * @throws DeployError corrupt; errors of the source.
 */
export async function* gzipChunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* decompressAhead(source, createGunzip({ chunkSize: DECOMPRESSED_STEP_BYTES }));
  } catch (error) {
    throw gzipError(error);
  }
}

function gzipError(error: unknown): unknown {
  const code = errnoOf(error);
  if (code === 'Z_BUF_ERROR') {
    return new DeployError('corrupt', 'the gzip data ends early: the archive was cut', { cause: error });
  }
  if (code?.startsWith('Z_') && error instanceof Error) {
    return new DeployError('corrupt', `the gzip data is damaged: ${error.message}`, { cause: error });
  }
  return error;
}
