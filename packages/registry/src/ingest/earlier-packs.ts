import { closeSync, openSync, readSync } from 'node:fs';
import { describeError } from '@deploy-tools/shared/errors.js';
import { chunkPlaces } from '@deploy-tools/shared/layers/chunk-places.js';
import { unpackFrame, zstdVersion } from '@deploy-tools/shared/layers/frame.js';
import { MAX_CHUNK } from '@deploy-tools/shared/layers/manifest.js';
import type { StoredChunk } from './layer-entry.js';
import type { LayerFiles } from './layer-port.js';
import { readEntries, readManifestRoot } from './read-manifest.js';

/** The most entries of all packs together; bounds their memory. */
const MAX_ENTRIES = 200_000;

/**
 * The compressed chunks of earlier packs, which save time only. A pack that cannot be read is left out; a chunk is used only
 * after its bytes were compared.
 */
export class EarlierPacks {
  readonly #note: (text: string) => void;
  readonly #chunks = new Map<string, StoredChunk>();
  /** The paths of the packs by their descriptors. */
  readonly #packs = new Map<number, string>();
  readonly #damaged = new Set<number>();
  readonly #frame = Buffer.allocUnsafeSlow(MAX_CHUNK);
  readonly #data = Buffer.allocUnsafeSlow(MAX_CHUNK);
  #entries = 0;

  /** @param note receives warnings for operators, at most one sentence for each pack. */
  constructor(note: (text: string) => void) {
    this.#note = note;
  }

  /** Opens a pack. A pack of another version of zstd is left out, because the new pack would depend on it. */
  open(files: LayerFiles): void {
    try {
      this.#open(files);
    } catch (error) {
      this.#note(`${files.pack} is not used again: ${describeError(error)}`);
    }
  }

  /** The chunk of an earlier pack whose frame contains these bytes, or undefined. */
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

  /** @returns why the frame does not contain these bytes; undefined when it does. */
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
