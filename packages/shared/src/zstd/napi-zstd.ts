import { setImmediate } from 'node:timers/promises';
import type { Zstd } from './zstd.js';
import { cutZstd, orCorrupt } from './zstd-errors.js';

/** The used part of zstd-napi/binding.js, which is not installed everywhere. Lengths are in bytes. */
export interface Binding {
  readonly CCtx: new () => Compressor;
  readonly DCtx: new () => Decompressor;
  versionNumber(): number;
  compressBound(length: number): number;
}

interface Compressor {
  /** @returns the length of the frame. */
  compress(into: Uint8Array, data: Uint8Array, level: number): number;
}

interface Decompressor {
  /** @returns the length of the content. */
  decompress(into: Uint8Array, frame: Uint8Array): number;
  /** @returns a hint that is 0 at the end of a frame, the length written, the length read. */
  decompressStream(into: Uint8Array, input: Uint8Array): [number, number, number];
}

const OUTPUT_BYTES = 256 * 1024;

/** zstd by the package zstd-napi, on the calling thread. */
export class NapiZstd implements Zstd {
  readonly #binding: Binding;
  #compressor: Compressor | undefined;
  #decompressor: Decompressor | undefined;
  #output = Buffer.alloc(0);

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  get version(): number {
    return this.#binding.versionNumber();
  }

  compress(data: Uint8Array, level: number): Uint8Array {
    const bound = this.#binding.compressBound(data.length);
    if (this.#output.length < bound) this.#output = Buffer.allocUnsafeSlow(bound);
    this.#compressor ??= new this.#binding.CCtx();
    return this.#output.subarray(0, this.#compressor.compress(this.#output, data, level));
  }

  decompress(frame: Uint8Array, length: number, scratch: Buffer): Buffer {
    this.#decompressor ??= new this.#binding.DCtx();
    const into = scratch.subarray(0, length);
    return into.subarray(0, this.#decompressor.decompress(into, frame));
  }

  async *chunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    const context = new this.#binding.DCtx();
    const output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
    let inFrame = false;
    for await (const chunk of source) {
      if (chunk.length === 0) continue; // the library would take it for the beginning of a frame
      let input = chunk;
      for (let full = true; full || input.length > 0; ) {
        const [pending, produced, consumed] = orCorrupt(() => context.decompressStream(output, input));
        input = input.subarray(consumed);
        inFrame = pending !== 0;
        full = produced === output.length && inFrame;
        if (produced === 0) continue;
        yield output.subarray(0, produced);
        await setImmediate();
      }
    }
    if (inFrame) throw cutZstd();
  }
}
