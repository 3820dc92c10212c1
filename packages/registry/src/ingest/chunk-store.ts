import { hash } from 'node:crypto';
import { CompressorThread } from './compressor-thread.js';
import type { EarlierPacks } from './earlier-packs.js';
import type { SpooledChunk, StoredChunk } from './layer-entry.js';
import { Spool } from './spool.js';

/** Content up to which one thread compresses: a second one would take longer to start than it saves. */
const ALONE_BYTES = 4 * 1024 * 1024;

/** Stores each chunk of a layer once, compressed: in the spool, or as a part of an earlier pack. */
export class ChunkStore {
  readonly #fd: number;
  readonly #spool: Spool;
  readonly #earlier: EarlierPacks;
  readonly #known = new Map<string, StoredChunk>();
  #alone = 0;
  #thread: CompressorThread | undefined;

  /** @param fd of the spool, empty and open; it stays open until `close`. */
  constructor(fd: number, earlier: EarlierPacks) {
    this.#fd = fd;
    this.#spool = new Spool(fd, 0);
    this.#earlier = earlier;
  }

  /**
   * @param bytes of a chunk, not empty; they are not kept.
   * @returns the chunk, whose place and packed length are set after `finish`.
   */
  put(bytes: Buffer): StoredChunk {
    const digest = hash('sha256', bytes);
    const known = this.#known.get(digest);
    if (known !== undefined) return known;
    const chunk = this.#earlier.chunk(digest, bytes) ?? this.#compress(digest, bytes);
    this.#known.set(digest, chunk);
    return chunk;
  }

  /** The promise to await before the next `put` while the queue is full; undefined when there is room. */
  drained(): Promise<void> | undefined {
    return this.#thread?.drained();
  }

  /** Resolves when the frames of all chunks can be read. @throws DeployError no-space, internal. */
  async finish(): Promise<void> {
    if (this.#thread === undefined) this.#spool.flush();
    else await this.#thread.finish();
  }

  /** Resolves when writing has ended. */
  async close(): Promise<void> {
    await this.#thread?.close();
  }

  #compress(digest: string, bytes: Buffer): StoredChunk {
    const chunk: SpooledChunk = { digest, length: bytes.length, packedLength: 0, fd: this.#fd, offset: 0 };
    const thread = this.#threadFor(bytes.length);
    if (thread === undefined) {
      chunk.offset = this.#spool.end;
      chunk.packedLength = this.#spool.append(bytes);
    } else {
      thread.put(chunk, bytes);
    }
    return chunk;
  }

  #threadFor(bytes: number): CompressorThread | undefined {
    this.#alone += bytes;
    if (this.#thread === undefined && this.#alone > ALONE_BYTES) {
      this.#spool.flush();
      this.#thread = new CompressorThread({ fd: this.#fd, position: this.#spool.end });
    }
    return this.#thread;
  }
}
