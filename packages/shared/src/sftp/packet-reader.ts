import { DeployError } from '../errors.js';
import { ATTR_FLAG, type Attrs, type NameEntry } from './protocol.js';

/**
 * Reads the fields of one packet in order. Every read is bounds-checked.
 * @throws DeployError corrupt when the packet is shorter than its fields say.
 */
export class PacketReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  /** @throws DeployError corrupt when the value is beyond 2^53: no file of ours is that large. */
  uint64(): number {
    const value = this.#bytes.readBigUInt64BE(this.#take(8));
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      throw new DeployError('corrupt', 'SFTP offset or size is out of range');
    return Number(value);
  }

  /** A view into the packet, not a copy. */
  bytes(): Buffer {
    const length = this.uint32();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  string(): string {
    return this.bytes().toString('utf8');
  }

  attrs(): Attrs {
    const flags = this.uint32();
    const attrs: { -readonly [K in keyof Attrs]: Attrs[K] } = {};
    if (flags & ATTR_FLAG.SIZE) attrs.size = this.uint64();
    if (flags & ATTR_FLAG.UIDGID) {
      attrs.uid = this.uint32();
      attrs.gid = this.uint32();
    }
    if (flags & ATTR_FLAG.PERMISSIONS) attrs.mode = this.uint32();
    if (flags & ATTR_FLAG.ACMODTIME) {
      attrs.atime = this.uint32();
      attrs.mtime = this.uint32();
    }
    if (flags & ATTR_FLAG.EXTENDED) {
      for (let count = this.uint32(); count > 0; count -= 1) {
        this.bytes();
        this.bytes();
      }
    }
    return attrs;
  }

  nameEntry(): NameEntry {
    return { filename: this.string(), longname: this.string(), attrs: this.attrs() };
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  #take(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start)
      throw new DeployError('corrupt', 'SFTP packet is shorter than its fields');
    this.#at = start + length;
    return start;
  }
}
