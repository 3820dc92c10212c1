import { createHash, hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { type ChunkPlace, chunkPlaces } from '@deploy-tools/shared/layers/chunk-places.js';
import { unpackFrame } from '@deploy-tools/shared/layers/frame.js';
import { MAX_CHUNK, type ManifestRoot, PACK_HEADER } from '@deploy-tools/shared/layers/manifest.js';
import { decodeManifestRoot } from '@deploy-tools/shared/layers/manifest-root.js';
import type { LayerFiles, VerifiedLayer } from './layer-port.js';
import { readEntries, readRootBytes, readTimes } from './read-manifest.js';

/** Implements LayerTasks.verify on the calling thread. System errors pass through. */
export function verifyLayer(files: LayerFiles): VerifiedLayer {
  const bytes = readRootBytes(files.manifest);
  const root = decodeManifestRoot(bytes);
  const fd = openSync(files.pack, 'r');
  try {
    verifyContent(root, fd);
  } finally {
    closeSync(fd);
  }
  return {
    manifest: { hash: hash('sha256', bytes), size: bytes.length },
    pack: root.pack,
    archive: root.archive,
    entries: root.entries,
    bytes: root.contentBytes,
    compressor: root.compressor,
  };
}

function verifyContent(root: ManifestRoot, fd: number): void {
  const { size } = fstatSync(fd);
  if (size !== root.pack.size) throw corrupt(`it has ${size} bytes instead of ${root.pack.size}`);
  const pack = new HashedReader(fd);
  if (!pack.next(PACK_HEADER.length).equals(PACK_HEADER)) throw corrupt('its header is not that of a pack');
  readTimes(root, fd);
  const places = chunkPlaces(root, readEntries(root, fd));
  while (pack.position < root.contentOffset)
    pack.next(Math.min(MAX_CHUNK, root.contentOffset - pack.position));
  for (const [digest, place] of places) verifyChunk(digest, place, pack.next(place.packedLength));
  if (pack.digest() !== root.pack.hash) throw corrupt('it is not what its hash says');
}

function verifyChunk(digest: string, place: ChunkPlace, frame: Buffer): void {
  if (hash('sha256', unpackFrame(frame, place.length)) === digest) return;
  throw corrupt(`the chunk at ${place.offset} is not what its digest says`);
}

/** Reads a file from front to back and hashes it. */
class HashedReader {
  position = 0;
  readonly #fd: number;
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafeSlow(MAX_CHUNK);

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** The next bytes, valid until the next call: MAX_CHUNK at most. */
  next(length: number): Buffer {
    const bytes = this.#buffer.subarray(0, length);
    if (readSync(this.#fd, bytes, 0, length, this.position) !== length) throw corrupt('it is cut off');
    this.#hash.update(bytes);
    this.position += length;
    return bytes;
  }

  digest(): string {
    return this.#hash.digest('hex');
  }
}

function corrupt(why: string): DeployError {
  return new DeployError('corrupt', `the pack is damaged: ${why}`);
}
