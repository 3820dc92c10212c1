import { hash } from 'node:crypto';
import { packFrame } from '@deploy-tools/shared/layers/frame.js';
import type { EarlierPacks } from './earlier-packs.js';
import type { Spool } from './spool.js';
import type { StoredChunk } from './stored-chunk.js';

/** Stores each chunk of a layer once, compressed: in the spool, or as it lies in an earlier pack. */
export class ChunkStore {
  readonly #spool: Spool;
  readonly #earlier: EarlierPacks;
  readonly #known = new Map<string, StoredChunk>();

  constructor(spool: Spool, earlier: EarlierPacks) {
    this.#spool = spool;
    this.#earlier = earlier;
  }

  /** @param bytes of a chunk, not empty. */
  put(bytes: Buffer): StoredChunk {
    const digest = hash('sha256', bytes);
    const known = this.#known.get(digest);
    if (known !== undefined) return known;
    const chunk = this.#earlier.chunk(digest, bytes) ?? this.#compress(digest, bytes);
    this.#known.set(digest, chunk);
    return chunk;
  }

  #compress(digest: string, bytes: Buffer): StoredChunk {
    const frame = packFrame(bytes).bytes;
    const offset = this.#spool.append(frame);
    return { digest, length: bytes.length, packedLength: frame.length, fd: this.#spool.fd, offset };
  }
}
