import { pipeline, type Transform } from 'node:stream';
import { errnoOf } from '../errors.js';
import { readAhead } from '../read-ahead.js';
import type { Zstd } from './zstd.js';
import { corruptZstd, cutZstd } from './zstd-errors.js';
import { ZstdFrames } from './zstd-frames.js';

/** Of Node.js' zlib from 22.15 on; @types/node of version 20 does not know it. */
export interface ZlibWithZstd {
  readonly constants: Readonly<Record<string, number>>;
  zstdCompressSync(data: Uint8Array, options: object): Buffer;
  zstdDecompressSync(data: Uint8Array, options: object): Buffer;
  createZstdDecompress(options: object): Transform;
}

/** Output of one step, which takes a pool thread about a millisecond. */
const OUTPUT_BYTES = 256 * 1024;
/** How far decompression may run ahead of the consumer. */
const READ_AHEAD_BYTES = 1024 * 1024;
const LEAST_OUTPUT = 64;

/** zstd as Node.js has it; streams are decompressed by its pool's threads. */
export class NodeZstd implements Zstd {
  readonly version: number;
  readonly #zlib: ZlibWithZstd;

  constructor(zlib: ZlibWithZstd, versions: Readonly<Record<string, string | undefined>>) {
    this.#zlib = zlib;
    const [major = 0, minor = 0, patch = 0] = (versions.zstd ?? '').split('.').map(Number);
    this.version = major * 10_000 + minor * 100 + patch;
  }

  compress(data: Uint8Array, level: number): Uint8Array {
    const params = { [this.#zlib.constants.ZSTD_c_compressionLevel ?? 0]: level };
    const chunkSize = Math.max(LEAST_OUTPUT, data.length);
    return this.#zlib.zstdCompressSync(data, { params, pledgedSrcSize: data.length, chunkSize });
  }

  decompress(frame: Uint8Array, length: number): Buffer {
    // One byte more than there will be, so that no second piece of memory is taken to see that nothing follows.
    const chunkSize = Math.max(LEAST_OUTPUT, length + 1);
    return this.#zlib.zstdDecompressSync(frame, { chunkSize, maxOutputLength: length });
  }

  async *chunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    const decompressor = this.#zlib.createZstdDecompress({ chunkSize: OUTPUT_BYTES });
    // The error reaches the loop below, since the pipeline destroys the decompressor with it.
    pipeline(partsOfFrames(source), decompressor, () => {});
    try {
      yield* readAhead(decompressor, READ_AHEAD_BYTES);
    } catch (error) {
      throw errnoOf(error)?.startsWith('ZSTD_') ? corruptZstd(error) : error;
    }
  }
}

/** What is written to it in one piece ends with a frame: what follows in the same piece is ignored by Node.js 24. */
async function* partsOfFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const frames = new ZstdFrames();
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const end = at + advance(frames, chunk.subarray(at));
      yield chunk.subarray(at, end);
      at = end;
    }
  }
  if (frames.inFrame) throw cutZstd();
}

function advance(frames: ZstdFrames, bytes: Uint8Array): number {
  try {
    return frames.advance(bytes);
  } catch (error) {
    throw corruptZstd(error);
  }
}
