import { DeployError } from '../errors.js';
import { openZstd } from '../zstd/open-zstd.js';
import { ZstdFrames } from '../zstd/zstd-frames.js';

/** The level of zstd. Higher ones cost far more time than they save bytes (docs/manifest-and-pack.md). */
const LEVEL = 3;

/** Opened at the first use: a program without packs does not need the library. */
const zstd = once(openZstd);

/** zstd's version number, such as 10507. Compressed bytes may differ between versions. */
export function zstdVersion(): number {
  return zstd().version;
}

/**
 * Encodes data for a pack: as one zstd frame, or as the data itself when that is not longer.
 * @returns bytes that are valid until the next call; with `stored`, the data itself, not copied.
 */
export function packFrame(data: Uint8Array): { readonly bytes: Uint8Array; readonly stored: boolean } {
  const bytes = zstd().compress(data, LEVEL);
  return bytes.length < data.length ? { bytes, stored: false } : { bytes: data, stored: true };
}

/**
 * The data of a frame.
 * @param length of the data. It is allocated, so the caller has to check it.
 * @param scratch memory for the data, for callers that need the data only until the next call.
 * @returns a view of `bytes` for stored data, or of `scratch`.
 * @throws DeployError corrupt, when the bytes are not one frame with exactly this length of data.
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

/** Refuses everything except one frame whose header states this length. */
function refuseOther(bytes: Uint8Array, length: number): void {
  const frames = new ZstdFrames();
  const end = attempt(() => frames.advance(bytes));
  if (frames.contentSize !== length)
    throw damaged(`its header states ${frames.contentSize ?? 'no number of'} bytes, not ${length}`);
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
