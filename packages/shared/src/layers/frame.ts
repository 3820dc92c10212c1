import { createRequire } from 'node:module';
import { DeployError } from '../errors.js';
import { MAX_CHUNK } from './manifest.js';

type Binding = typeof import('zstd-napi/binding.js');

interface Compressor {
  readonly context: InstanceType<Binding['CCtx']>;
  /** Fits any chunk, compressed. */
  readonly output: Buffer;
}

/** Of zstd: every higher one costs far more time than it saves bytes (docs/manifest-and-pack.md). */
const LEVEL = 3;

const require = createRequire(import.meta.url);
/** Loaded when first needed: a program that meets no pack does not need the native library. */
const zstd = once((): Binding => require('zstd-napi/binding.js'));
const compressor = once((): Compressor => {
  const { CCtx, compressBound } = zstd();
  return { context: new CCtx(), output: Buffer.allocUnsafeSlow(compressBound(MAX_CHUNK)) };
});
const decompressor = once(() => new (zstd().DCtx)());

/** zstd's version number, such as 10507: what it compresses may differ between versions. */
export function zstdVersion(): number {
  return zstd().versionNumber();
}

/**
 * How data lies in a pack: one zstd frame, or the data itself when that is not longer.
 * @returns bytes that are valid until the next call; with `stored`, the data itself, not copied.
 */
export function packFrame(data: Uint8Array): { readonly bytes: Uint8Array; readonly stored: boolean } {
  const { context, output } = compressor();
  const bound = zstd().compressBound(data.length);
  const target = bound <= output.length ? output : Buffer.allocUnsafeSlow(bound);
  const length = context.compress(target, data, LEVEL);
  if (length >= data.length) return { bytes: data, stored: true };
  return { bytes: target.subarray(0, length), stored: false };
}

/**
 * The data of a frame.
 * @param length of the data; the caller has checked that it is sane, since as much is allocated.
 * @param scratch memory to be used for it where it fits: for who needs the data only until the next call.
 * @returns a view of `bytes` when it is stored as it is, or of `scratch`.
 * @throws DeployError corrupt, when it is not one frame of exactly that much data.
 */
export function unpackFrame(bytes: Uint8Array, length: number, scratch?: Buffer): Buffer {
  if (bytes.length === length) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fits = scratch !== undefined && length <= scratch.length;
  const data = fits ? scratch.subarray(0, length) : Buffer.allocUnsafe(length);
  const reason = decompress(bytes, data);
  if (reason === undefined) return data;
  throw new DeployError('corrupt', `a frame of a pack is damaged: ${reason}`);
}

/** @returns why it failed. */
function decompress(bytes: Uint8Array, into: Uint8Array): string | undefined {
  const binding = zstd();
  try {
    const claimed = binding.getFrameContentSize(bytes);
    if (claimed !== into.length) return `it says that it holds ${claimed} bytes, not ${into.length}`;
    if (binding.findFrameCompressedSize(bytes) !== bytes.length) return 'other bytes follow it';
    const given = decompressor().decompress(into, bytes);
    return given === into.length ? undefined : `it holds ${given} bytes, not ${into.length}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
