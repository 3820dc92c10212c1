import { createGunzip } from 'node:zlib';
import { DeployError, errnoOf } from '../errors.js';
import { DECOMPRESSED_STEP_BYTES, decompressAhead } from '../read-ahead.js';
import { openZstd } from '../zstd/open-zstd.js';
import { detectArchiveFormat, FORMAT_HEAD_BYTES } from './archive-format.js';

/** A piece of the tar stream in an archive. */
export interface TarChunk {
  /** Valid until the next piece is read. */
  readonly bytes: Uint8Array;
  /** Bytes of the archive read so far: those of this piece, and those that the decompressor holds. */
  readonly compressed: number;
}

/**
 * Reads the tar stream of a tar, tar.gz or tar.zst archive; the content decides the format. Memory is bounded: the source is read at
 * the consumer's pace.
 * @throws DeployError invalid for another format; corrupt; errors of the source.
 */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarChunk, void, void> {
  const progress = { compressed: 0 };
  const input = counted(source, progress);
  try {
    const head = await readHead(input);
    const format = detectArchiveFormat(head);
    const whole = prepend(head, input);
    const tar = format === 'tar' ? whole : format === 'tar.gz' ? gzipChunks(whole) : openZstd().chunks(whole);
    for await (const bytes of tar) yield { bytes, compressed: progress.compressed };
  } finally {
    await input.return();
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  progress: { compressed: number },
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of source) {
    progress.compressed += chunk.length;
    yield chunk;
  }
}

async function readHead(source: AsyncGenerator<Uint8Array, void, void>): Promise<Uint8Array> {
  let head = Buffer.alloc(0);
  while (head.length < FORMAT_HEAD_BYTES) {
    const next = await source.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return head;
}

async function* prepend(
  head: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  yield head;
  yield* rest;
}

/**
 * Decompresses gzip (RFC 1952). Several members are one stream. Zeros after the last member are ignored; other bytes are an error.
 * @throws DeployError corrupt; errors of the source.
 */
async function* gzipChunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
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
