const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const BLOCK_HEADER = 3;
const CHECKSUM = 4;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;
/** Magic number, descriptor, window, dictionary and content size at their longest. */
const LONGEST_HEADER = 18;

/** The part that is being read (RFC 8878, section 3.1.1). */
type Part = 'magic' | 'skippable-size' | 'descriptor' | 'header' | 'block' | 'checksum' | 'body';

/** Finds the ends of zstd frames in a stream of bytes by the headers of frames and blocks, without decompressing. */
export class ZstdFrames {
  /** The content size in the last header; undefined when it has none, or before the first header. */
  contentSize: number | undefined;
  #part: Part = 'magic';
  /** The header that is being read. */
  readonly #header = Buffer.alloc(LONGEST_HEADER);
  #have = 0;
  #want = 4;
  /** Bytes to skip, and the part after them. */
  #skip = 0;
  #next: Part = 'block';
  #hasChecksum = false;

  /** Whether a frame has begun and not ended. */
  get inFrame(): boolean {
    return this.#part !== 'magic' || this.#have > 0;
  }

  /**
   * Reads the next bytes.
   * @returns how many of them belong to the current frame: all, or fewer when it ends there.
   * @throws Error for bytes that are no frame.
   */
  advance(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length) {
      if (this.#part === 'body') at += this.#pass(bytes.length - at);
      else this.#read(bytes[at++] ?? 0);
      if (!this.inFrame) break;
    }
    return at;
  }

  #pass(most: number): number {
    const passed = Math.min(this.#skip, most);
    this.#skip -= passed;
    if (this.#skip === 0) this.#expect(this.#next);
    return passed;
  }

  #read(byte: number): void {
    this.#header[this.#have++] = byte;
    if (this.#have < this.#want) return;
    if (this.#part === 'magic') this.#readMagic();
    else if (this.#part === 'skippable-size') this.#passOver(this.#header.readUInt32LE(), 'magic');
    else if (this.#part === 'descriptor') this.#readDescriptor(byte);
    else if (this.#part === 'header') this.#readHeader();
    else if (this.#part === 'block') this.#readBlock();
  }

  #readMagic(): void {
    const magic = this.#header.readUInt32LE();
    if (magic === MAGIC) this.#expect('descriptor', 1);
    else if ((magic & 0xfffffff0) === SKIPPABLE_MAGIC) this.#expect('skippable-size', 4);
    else throw new Error('Unknown frame descriptor');
  }

  /** Reads the descriptor (section 3.1.1.1.1), which stays the first byte of the header. */
  #readDescriptor(descriptor: number): void {
    const isSingleSegment = (descriptor & 0x20) !== 0;
    const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
    this.#hasChecksum = (descriptor & 4) !== 0;
    this.#part = 'header';
    this.#want = 1 + (isSingleSegment ? 0 : 1) + dictionary + contentSizeBytes(descriptor);
    if (this.#want === 1) this.#readHeader();
  }

  #readHeader(): void {
    const descriptor = this.#header[0] ?? 0;
    const bytes = contentSizeBytes(descriptor);
    const at = this.#want - bytes;
    this.contentSize = undefined;
    if (bytes === 8) this.contentSize = Number(this.#header.readBigUInt64LE(at));
    else if (bytes > 0) this.contentSize = this.#header.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0);
    this.#expect('block');
  }

  /** Reads the header of a block (section 3.1.1.2). */
  #readBlock(): void {
    const header = this.#header.readUIntLE(0, BLOCK_HEADER);
    const type = (header >> 1) & 3;
    if (type === RESERVED_BLOCK) throw new Error('Data corruption detected');
    const isLast = (header & 1) === 1;
    const after = this.#hasChecksum ? 'checksum' : 'magic';
    this.#passOver(type === RLE_BLOCK ? 1 : header >> 3, isLast ? after : 'block');
  }

  #passOver(bytes: number, next: Part): void {
    this.#skip = bytes;
    this.#next = next;
    this.#part = 'body';
    if (bytes === 0) this.#expect(next);
  }

  #expect(part: Part, want = part === 'block' ? BLOCK_HEADER : 4): void {
    if (part === 'checksum') {
      this.#passOver(CHECKSUM, 'magic');
      return;
    }
    this.#part = part;
    this.#want = want;
    this.#have = 0;
  }
}

function contentSizeBytes(descriptor: number): number {
  const flag = descriptor >> 6;
  if (flag > 0) return 1 << flag;
  return (descriptor & 0x20) === 0 ? 0 : 1;
}
