import { openZstd } from '../zstd/open-zstd.js';
import { detectArchiveFormat, FORMAT_HEAD_BYTES } from './archive-format.js';
import { gzipChunks } from './gzip-chunks.js';

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
