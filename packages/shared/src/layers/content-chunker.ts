import { hash } from 'node:crypto';
import { MAX_CHUNK } from './manifest.js';

/** A file up to this size is one chunk. */
export const WHOLE_FILE = 128 * 1024;
/** The shortest chunk of a larger file; the last one may be shorter. */
export const MIN_CHUNK = 16 * 1024;
/** The length that most chunks have about: cuts are rarer before it and more frequent after it. */
export const NORMAL_CHUNK = 64 * 1024;
/** A cut is where these bits of the rolling hash are zero: the 18 highest before NORMAL_CHUNK, the 14 highest after it. */
const MASK_BEFORE_NORMAL = -1 << (32 - 18);
const MASK_AFTER_NORMAL = -1 << (32 - 14);

const GEAR = gearTable();

/**
 * Cuts files into chunks: FastCDC with normalised chunking (Xia et al., USENIX ATC 2016) and a gear hash of 32 bits.
 * Cuts depend on the content around them alone, so an insertion moves one or two. One chunker serves many files, one
 * after another, and holds one chunk at most.
 */
export class ContentChunker {
  readonly #give: (chunk: Buffer) => void;
  readonly #partial = Buffer.allocUnsafeSlow(MAX_CHUNK);
  /** Bytes of the current chunk from earlier pieces, in `#partial`. */
  #held = 0;
  #hash = 0;
  /** Remaining bytes of the file. */
  #left = 0;
  #whole = false;

  /** @param give receives each chunk in order; it is valid during the call. */
  constructor(give: (chunk: Buffer) => void) {
    this.#give = give;
  }

  /** Starts a file. The previous one must be complete. */
  begin(size: number): void {
    this.#left = size;
    this.#whole = size <= WHOLE_FILE;
    this.#held = 0;
    this.#hash = 0;
  }

  /** Reads the next bytes of the file, up to its size. The last byte ends the last chunk. */
  write(piece: Uint8Array): void {
    let rest = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    while (rest.length > 0) {
      const end = this.#cutIn(rest);
      const part = rest.subarray(0, end < 0 ? rest.length : end);
      this.#left -= part.length;
      if (end < 0 && this.#left > 0) this.#hold(part);
      else this.#finish(part);
      rest = rest.subarray(part.length);
    }
  }

  #hold(part: Buffer): void {
    part.copy(this.#partial, this.#held);
    this.#held += part.length;
  }

  #finish(part: Buffer): void {
    let chunk = part;
    if (this.#held > 0) {
      this.#hold(part);
      chunk = this.#partial.subarray(0, this.#held);
    }
    this.#held = 0;
    this.#hash = 0;
    this.#give(chunk);
  }

  /** The number of bytes of a piece that complete the current chunk; -1 when the chunk continues after the piece. */
  #cutIn(piece: Buffer): number {
    if (this.#whole) return -1;
    const from = Math.max(0, MIN_CHUNK - this.#held);
    const normal = NORMAL_CHUNK - this.#held;
    const cut = this.#scan(piece, from, Math.min(piece.length, normal), MASK_BEFORE_NORMAL);
    if (cut >= 0) return cut;
    const most = MAX_CHUNK - this.#held;
    const later = this.#scan(piece, Math.max(from, normal), Math.min(piece.length, most), MASK_AFTER_NORMAL);
    if (later >= 0) return later;
    return piece.length >= most ? most : -1;
  }

  /** The end of the chunk among the bytes `from` to `to`, or -1. */
  #scan(piece: Buffer, from: number, to: number, mask: number): number {
    let hash = this.#hash;
    for (let at = from; at < to; at++) {
      hash = ((hash << 1) + (GEAR[piece[at] ?? 0] ?? 0)) | 0;
      if ((hash & mask) === 0) return at + 1;
    }
    this.#hash = hash;
    return -1;
  }
}

/**
 * Makes the table of the rolling hash: for each byte value, the first four bytes, big endian, of the SHA-256 of that byte. The
 * table is part of the format.
 */
function gearTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, value) =>
    Buffer.from(hash('sha256', Buffer.of(value)), 'hex').readInt32BE(0),
  );
}
