import { closeSync, openSync, readSync } from 'node:fs';
import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import { chunkPlaces } from '@deploy-tools/shared/layers/chunk-places.js';
import { unpackFrame, zstdVersion } from '@deploy-tools/shared/layers/frame.js';
import { MAX_CHUNK } from '@deploy-tools/shared/layers/manifest.js';
import type { LayerFiles } from './layer-files.js';
import { readEntries, readManifestRoot } from './read-manifest.js';
import type { StoredChunk } from './stored-chunk.js';

/**
 * Chunks that earlier packs hold compressed already. They save time and nothing else: a pack that cannot be read is
 * left out, and a chunk is used only when its bytes are proven.
 */
export class EarlierPacks {
  readonly #note: (text: string) => void;
  readonly #chunks = new Map<string, StoredChunk>();
  readonly #packs = new Map<number, string>();
  readonly #frame = Buffer.allocUnsafeSlow(MAX_CHUNK);
  readonly #data = Buffer.allocUnsafeSlow(MAX_CHUNK);

  /** @param note receives what somebody should look at, one sentence each. */
  constructor(note: (text: string) => void) {
    this.#note = note;
  }

  /** Opens a pack. One that another version of zstd made is left out, since it would make the result depend on it. */
  open(files: LayerFiles): void {
    try {
      this.#open(files);
    } catch (error) {
      this.#note(`${files.pack} is not used again: ${describeError(error)}`);
    }
  }

  /** The chunk as an earlier pack has it, when its frame gives these bytes. */
  chunk(digest: string, bytes: Buffer): StoredChunk | undefined {
    const found = this.#chunks.get(digest);
    if (found === undefined || this.#gives(found, bytes)) return found;
    this.#note(`${this.#packs.get(found.fd)} is damaged: chunk ${digest} is not what its digest says`);
    return undefined;
  }

  close(): void {
    for (const fd of this.#packs.keys()) closeSync(fd);
    this.#packs.clear();
  }

  #open({ manifest, pack }: LayerFiles): void {
    const root = readManifestRoot(manifest);
    if (root.compressor !== zstdVersion()) return;
    const fd = openSync(pack, 'r');
    this.#packs.set(fd, pack);
    for (const [digest, place] of chunkPlaces(root, readEntries(root, fd))) {
      if (!this.#chunks.has(digest)) this.#chunks.set(digest, { digest, ...place, fd });
    }
  }

  #gives({ fd, offset, length, packedLength }: StoredChunk, bytes: Buffer): boolean {
    const frame = this.#frame.subarray(0, packedLength);
    if (length !== bytes.length || readSync(fd, frame, 0, packedLength, offset) !== packedLength)
      return false;
    try {
      return unpackFrame(frame, length, this.#data).equals(bytes);
    } catch (error) {
      if (isDeployError(error, 'corrupt')) return false;
      throw error;
    }
  }
}
