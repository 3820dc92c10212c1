import type { ByteName } from '../archive/byte-name.js';
import { DeployError } from '../errors.js';

const DIGEST_BYTES = 32;

/** Reads the notation of docs/manifest-and-pack.md. Every error is a DeployError corrupt that names the source. */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #at = 0;
  /** All bytes as text, made when first needed: slices of it are cheaper than converting each name and digest. */
  #latin1: string | undefined;
  #hex: string | undefined;

  /** @param what the source, for messages: `manifest root`. */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  u8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  /**
   * @param field for the message.
   * @param min, max the bounds of the number, both included.
   */
  varint(field: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
    const value = this.#varint();
    if (value < min || value > max) throw this.corrupt(`${field} is ${value}, not ${min} to ${max}`);
    return value;
  }

  zigzag(field: string): number {
    const value = this.varint(field);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /**
   * Reads the number of the following records. Refuses a number for which the rest is too short, so that a false one allocates
   * nothing.
   * @param recordBytes the least bytes of one record.
   */
  count(field: string, recordBytes: number): number {
    const count = this.#varint();
    if (count * recordBytes > this.#bytes.length - this.#at) throw this.corrupt(`${field} are cut off`);
    return count;
  }

  name(field: string, maxBytes: number): ByteName {
    const length = this.#varint();
    if (length > maxBytes) throw this.corrupt(`${field} has ${length} bytes, more than ${maxBytes}`);
    const from = this.#take(length);
    this.#latin1 ??= this.#bytes.toString('latin1');
    return this.#latin1.slice(from, from + length);
  }

  /** Lower-case hex. */
  digest(): string {
    const from = this.#take(DIGEST_BYTES);
    this.#hex ??= this.#bytes.toString('hex');
    return this.#hex.slice(from * 2, (from + DIGEST_BYTES) * 2);
  }

  raw(length: number): Buffer {
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  /** Checks that all bytes were read. */
  end(): void {
    if (!this.atEnd) throw this.corrupt(`${this.#bytes.length - this.#at} bytes follow its end`);
  }

  corrupt(why: string): DeployError {
    return new DeployError('corrupt', `the ${this.#what} is damaged: ${why}`);
  }

  #take(length: number): number {
    const from = this.#at;
    if (length > this.#bytes.length - from) throw this.corrupt('it is cut off');
    this.#at += length;
    return from;
  }

  #varint(): number {
    const first = this.#bytes[this.#at];
    if (first === undefined || first >= 0x80) return this.#longVarint();
    this.#at += 1;
    return first;
  }

  #longVarint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && scale > 1) throw this.corrupt('a number is not in its shortest form');
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      if (scale >= 2 ** 49) break;
    }
    throw this.corrupt('a number is too large');
  }
}
