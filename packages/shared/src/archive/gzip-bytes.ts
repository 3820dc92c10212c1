import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';

const CHUNK_BYTES = 128 * 1024;
/** Offset of the byte of a gzip header that names the operating system (RFC 1952, section 2.3). */
const OS_OFFSET = 9;
const OS_UNKNOWN = 255;

/** Compresses reproducibly: the gzip header has no time, no name and no operating system. */
export async function* gzipBytes(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gzip = createGzip({ level: constants.Z_DEFAULT_COMPRESSION, chunkSize: CHUNK_BYTES });
  const feeding = pipeline(source, gzip);
  feeding.catch(() => undefined); // the loop below throws this error
  let atStart = true;
  for await (const chunk of gzip as AsyncIterable<Buffer>) {
    if (atStart) chunk[OS_OFFSET] = OS_UNKNOWN;
    atStart = false;
    yield chunk;
  }
  await feeding;
}
