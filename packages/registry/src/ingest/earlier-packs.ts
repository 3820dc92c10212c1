import { closeSync, openSync, readSync } from 'node:fs';
import { describeError } from '@deploy-tools/shared/errors.js';
import { chunkPlaces } from '@deploy-tools/shared/layers/chunk-places.js';
import { unpackFrame, zstdVersion } from '@deploy-tools/shared/layers/frame.js';
import { MAX_CHUNK } from '@deploy-tools/shared/layers/manifest.js';
import type { StoredChunk } from './layer-entry.js';
import type { LayerFiles } from './layer-port.js';
import { readEntries, readManifestRoot } from './read-manifest.js';

/** Of all packs together: bounds the memory that they take of the layer's own. */
const MAX_ENTRIES = 200_000;

/**
 * Chunks that earlier packs hold compressed already. They save time and nothing else: a pack that cannot be read is
 * left out, and a chunk is used only when its bytes are proven.
 */
export class EarlierPacks {
  readonly #note: (text: string) => void;
  readonly #chunks = new Map<string, StoredChunk>();
  /** Their paths, by their descriptors. */
  readonly #packs = new Map<number, string>();
  readonly #damaged = new Set<number>();
  readonly #frame = Buffer.allocUnsafeSlow(MAX_CHUNK);
  readonly #data = Buffer.allocUnsafeSlow(MAX_CHUNK);
  #entries = 0;

  /** @param note receives what an operator should look at, a sentence for each pack at most. */
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
    if (found === undefined || this.#damaged.has(found.fd)) return undefined;
    const why = this.#whyNot(found, bytes);
    if (why === undefined) return found;
    this.#damaged.add(found.fd);
    this.#note(`${this.#packs.get(found.fd)} is damaged, in chunk ${digest}: ${why}`);
    return undefined;
  }

  close(): void {
    for (const fd of this.#packs.keys()) closeSync(fd);
    this.#packs.clear();
  }

  #open({ manifest, pack }: LayerFiles): void {
    const root = readManifestRoot(manifest);
    if (root.compressor !== zstdVersion() || this.#entries + root.entries > MAX_ENTRIES) return;
    this.#entries += root.entries;
    const fd = openSync(pack, 'r');
    this.#packs.set(fd, pack);
    for (const [digest, place] of chunkPlaces(root, readEntries(root, fd))) {
      if (!this.#chunks.has(digest)) this.#chunks.set(digest, { digest, ...place, fd });
    }
  }

  /** @returns why the frame does not give these bytes; undefined when it does. */
  #whyNot({ fd, offset, length, packedLength }: StoredChunk, bytes: Buffer): string | undefined {
    const frame = this.#frame.subarray(0, packedLength);
    try {
      if (readSync(fd, frame, 0, packedLength, offset) !== packedLength) return 'it is cut off';
      return unpackFrame(frame, length, this.#data).equals(bytes)
        ? undefined
        : 'it is not what its digest says';
    } catch (error) {
      return describeError(error);
    }
  }
}
