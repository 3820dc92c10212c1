import type { ByteName } from '../archive/byte-name.js';
import { DeployError } from '../errors.js';

const FIRST_CAPACITY = 4096;
const DIGEST_BYTES = 32;
/** The length of a varint of 2^53-1. */
const MAX_VARINT_BYTES = 8;

/** Builds bytes in the notation of docs/manifest-and-pack.md. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(FIRST_CAPACITY);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** @throws DeployError unsupported, for a number that is negative or beyond 2^53-1. */
  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new DeployError('unsupported', `a manifest cannot hold the number ${value}`);
    }
    this.#reserve(MAX_VARINT_BYTES);
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) | 0x80;
    this.#bytes[this.#length++] = rest;
  }

  zigzag(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** A varint length, then the bytes. */
  name(value: ByteName): void {
    this.varint(value.length);
    this.#reserve(value.length);
    this.#length += this.#bytes.write(value, this.#length, 'latin1');
  }

  /** @param digest hex SHA-256. */
  digest(digest: string): void {
    this.#reserve(DIGEST_BYTES);
    const written = this.#bytes.write(digest, this.#length, 'hex');
    if (written !== DIGEST_BYTES) throw new DeployError('internal', `not a SHA-256: ${digest}`);
    this.#length += DIGEST_BYTES;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Returns the written bytes; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
