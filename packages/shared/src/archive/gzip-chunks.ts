import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DeployError, errnoOf } from '../errors.js';
import { readAhead } from '../read-ahead.js';

/** Output of one inflation step, which takes a pool thread about 1 ms. */
const OUTPUT_BYTES = 256 * 1024;

/** How far inflation may run ahead of the consumer. */
const READ_AHEAD_BYTES = 1024 * 1024;

/**
 * Decompresses gzip (RFC 1952): members one after another are one stream, zeros after the last are ignored, anything
 * else there is an error.
 * @throws DeployError corrupt; whatever the source throws.
 */
export async function* gzipChunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const gunzip = createGunzip({ chunkSize: OUTPUT_BYTES });
  // The error reaches the loop below, since the pipeline destroys gunzip with it.
  pipeline(source, gunzip, () => {});
  try {
    yield* readAhead(gunzip, READ_AHEAD_BYTES);
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
