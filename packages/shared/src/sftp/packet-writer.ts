import { ATTR_FLAG, type Attrs, type NameEntry } from './protocol.js';

/** Builds one packet, length field included. Grows as needed; meant for small packets. */
export class PacketWriter {
  #bytes: Buffer;
  #length = 5;

  constructor(type: number, sizeHint = 64) {
    this.#bytes = Buffer.allocUnsafe(Math.max(sizeHint, 16));
    this.#bytes[4] = type;
  }

  uint32(value: number): this {
    this.#length = this.#room(4).writeUInt32BE(value >>> 0, this.#length);
    return this;
  }

  uint64(value: number): this {
    this.#length = this.#room(8).writeBigUInt64BE(BigInt(value), this.#length);
    return this;
  }

  string(value: string | Uint8Array): this {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    this.uint32(bytes.length);
    this.#room(bytes.length).set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  attrs(attrs: Attrs): this {
    const hasOwner = attrs.uid !== undefined && attrs.gid !== undefined;
    const hasTimes = attrs.mtime !== undefined;
    this.uint32(
      (attrs.size === undefined ? 0 : ATTR_FLAG.SIZE) |
        (hasOwner ? ATTR_FLAG.UIDGID : 0) |
        (attrs.mode === undefined ? 0 : ATTR_FLAG.PERMISSIONS) |
        (hasTimes ? ATTR_FLAG.ACMODTIME : 0),
    );
    if (attrs.size !== undefined) this.uint64(attrs.size);
    if (hasOwner) this.uint32(attrs.uid ?? 0).uint32(attrs.gid ?? 0);
    if (attrs.mode !== undefined) this.uint32(attrs.mode);
    if (hasTimes) this.uint32(attrs.atime ?? attrs.mtime ?? 0).uint32(attrs.mtime ?? 0);
    return this;
  }

  nameEntry(entry: NameEntry): this {
    return this.string(entry.filename).string(entry.longname).attrs(entry.attrs);
  }

  finish(): Buffer {
    this.#bytes.writeUInt32BE(this.#length - 4, 0);
    return this.#bytes.subarray(0, this.#length);
  }

  #room(extra: number): Buffer {
    const needed = this.#length + extra;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    return this.#bytes;
  }
}
