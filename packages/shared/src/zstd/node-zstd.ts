import type { Transform } from 'node:stream';
import { errnoOf } from '../errors.js';
import { DECOMPRESSED_STEP_BYTES, decompressAhead } from '../read-ahead.js';
import type { Zstd } from './zstd.js';
import { corruptZstd, cutZstd, orCorrupt } from './zstd-errors.js';
import { ZstdFrames } from './zstd-frames.js';

/** The part of Node.js' zlib since 22.15 that @types/node 20 lacks. */
export interface ZlibWithZstd {
  readonly constants: Readonly<Record<string, number>>;
  zstdCompressSync(data: Uint8Array, options: object): Buffer;
  zstdDecompressSync(data: Uint8Array, options: object): Buffer;
  createZstdDecompress(options: object): Transform;
}

const LEAST_OUTPUT = 64;

/** zstd of Node.js; the threads of its pool decompress streams. */
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
    // One byte more than the content, or Node.js would allocate a second buffer to find the end.
    const chunkSize = Math.max(LEAST_OUTPUT, length + 1);
    return this.#zlib.zstdDecompressSync(frame, { chunkSize, maxOutputLength: length });
  }

  async *chunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    const decompressor = this.#zlib.createZstdDecompress({ chunkSize: DECOMPRESSED_STEP_BYTES });
    try {
      yield* decompressAhead(partsOfFrames(source), decompressor);
    } catch (error) {
      throw errnoOf(error)?.startsWith('ZSTD_') ? corruptZstd(error) : error;
    }
  }
}

/** Cuts chunks at the ends of frames: Node.js 24 ignores bytes after a frame in the same piece. */
async function* partsOfFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const frames = new ZstdFrames();
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const end = at + orCorrupt(() => frames.advance(chunk.subarray(at)));
      yield chunk.subarray(at, end);
      at = end;
    }
  }
  if (frames.inFrame) throw cutZstd();
}
