import { DeployError } from '../errors.js';
import { openZstd } from '../zstd/open-zstd.js';
import { ZstdFrames } from '../zstd/zstd-frames.js';

/** Of zstd: every higher one costs far more time than it saves bytes (docs/manifest-and-pack.md). */
const LEVEL = 3;

/** Opened when first needed: a program that meets no pack does not need the library. */
const zstd = once(openZstd);

/** zstd's version number, such as 10507: what it compresses may differ between versions. */
export function zstdVersion(): number {
  return zstd().version;
}

/**
 * How data lies in a pack: one zstd frame, or the data itself when that is not longer.
 * @returns bytes that are valid until the next call; with `stored`, the data itself, not copied.
 */
export function packFrame(data: Uint8Array): { readonly bytes: Uint8Array; readonly stored: boolean } {
  const bytes = zstd().compress(data, LEVEL);
  return bytes.length < data.length ? { bytes, stored: false } : { bytes: data, stored: true };
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
  refuseOther(bytes, length);
  const memory = scratch !== undefined && length <= scratch.length ? scratch : Buffer.allocUnsafe(length);
  const library = zstd();
  const data = attempt(() => library.decompress(bytes, length, memory));
  if (data.length !== length) throw damaged(`it holds ${data.length} bytes, not ${length}`);
  return data;
}

/** Anything but one frame that says that it holds so many bytes. */
function refuseOther(bytes: Uint8Array, length: number): void {
  const frames = new ZstdFrames();
  const end = attempt(() => frames.advance(bytes));
  if (frames.contentSize !== length)
    throw damaged(`it says that it holds ${frames.contentSize ?? 'any number of'} bytes, not ${length}`);
  if (frames.inFrame) throw damaged('it is cut off');
  if (end < bytes.length) throw damaged('other bytes follow it');
}

function attempt<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw damaged(error instanceof Error ? error.message : String(error));
  }
}

function damaged(reason: string): DeployError {
  return new DeployError('corrupt', `a frame of a pack is damaged: ${reason}`);
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
