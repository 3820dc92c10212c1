import { DeployError } from '../errors.js';
import { type ByteName, showName } from './byte-name.js';
import { MAX_NAME_BYTES, PaxReader } from './pax-records.js';
import type { TarEntry } from './tar-entry.js';
import { type ExtendedHeaders, tarEntryOf } from './tar-entry-of.js';
import { hasValidChecksum, isZeroBlock, parseTarHeader, TAR_BLOCK, type TarHeader } from './tar-header.js';

/**
 * Receives an archive's members in order: `entry`, then `data` as often as content arrives (never for an empty
 * member), then `entryEnd`. Chunks are views of what was written to the reader, valid during the call.
 */
export interface TarHandler {
  entry(entry: TarEntry): void;
  data(chunk: Uint8Array): void;
  entryEnd(): void;
  /** Called for a header without a member: a global one, a volume label, or a surplus extended header. */
  extraHeader?(): void;
}

/** The most extended headers of one member: a pax header, a GNU long name and a GNU long link. */
const HEADERS_OF_A_MEMBER = 3;

/**
 * The most bytes of one extended header, by its flag. `x` may hold extended attributes and is read as it arrives, so its bound
 * limits work, not memory. `g` holds a comment about the archive; the others hold one name.
 */
const MAX_EXTENDED_BYTES: ReadonlyMap<string, number> = new Map([
  ['x', 1024 * 1024],
  ['X', 1024 * 1024],
  ['g', 64 * 1024],
  ['L', MAX_NAME_BYTES],
  ['K', MAX_NAME_BYTES],
]);

/**
 * A push parser for tar: V7, ustar, GNU and pax. It works synchronously and copies no contents, because asynchrony per member
 * makes unpacking slow. Errors of the handler pass through; after any error the reader must not be used again.
 */
export class TarReader {
  readonly #handler: TarHandler;
  /** A header block that began in an earlier chunk. */
  readonly #partial = Buffer.alloc(TAR_BLOCK);
  #partialBytes = 0;
  /** Remaining content bytes of the current member or extended header, and the padding after them. */
  #content = 0;
  #padding = 0;
  /** The extended header being read; undefined during a member's content. */
  #extended: ExtendedHeader | undefined;
  readonly #global = new Map<string, string>();
  readonly #local = new Map<string, string>();
  #longName: ByteName | undefined;
  #longLink: ByteName | undefined;
  #lastName: ByteName | undefined;
  /** Extended headers since the last member. */
  #headers = 0;
  #ended = false;

  constructor(handler: TarHandler) {
    this.#handler = handler;
  }

  /**
   * Parses the next bytes of the archive. Bytes after the end-of-archive block are ignored, as in GNU tar.
   * @returns how many of the bytes belong to the archive: all, up to the end-of-archive block.
   * @throws DeployError corrupt, invalid, too-large; errors of the handler.
   */
  write(chunk: Uint8Array): number {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < bytes.length && !this.#ended) {
      if (this.#content > 0) at = this.#takeContent(bytes, at);
      else if (this.#padding > 0) at = this.#skipPadding(bytes, at);
      else at = this.#takeHeader(bytes, at);
    }
    return at;
  }

  /**
   * Ends the archive.
   * @throws DeployError corrupt, when the archive has no end-of-archive block: then it may have been cut.
   */
  end(): void {
    if (this.#ended) return;
    const where =
      this.#lastName === undefined ? 'before its first entry' : `in or after ${showName(this.#lastName)}`;
    throw new DeployError('corrupt', `the archive is cut off ${where}`, {
      hint: 'make it again, or upload it again',
    });
  }

  #takeHeader(bytes: Buffer, at: number): number {
    if (this.#partialBytes === 0 && at + TAR_BLOCK <= bytes.length) {
      this.#header(bytes.subarray(at, at + TAR_BLOCK));
      return at + TAR_BLOCK;
    }
    const copied = bytes.copy(this.#partial, this.#partialBytes, at);
    this.#partialBytes += copied;
    if (this.#partialBytes === TAR_BLOCK) {
      this.#partialBytes = 0;
      this.#header(this.#partial);
    }
    return at + copied;
  }

  #header(block: Buffer): void {
    if (!hasValidChecksum(block)) {
      if (isZeroBlock(block)) this.#endOfArchive();
      else throw this.#damaged();
      return;
    }
    const header = parseTarHeader(block);
    const maxBytes = MAX_EXTENDED_BYTES.get(header.flag);
    if (maxBytes !== undefined) this.#beginExtended(header, maxBytes);
    // A volume label (tar -V) describes the archive, not a member.
    else if (header.flag === 'V') this.#handler.extraHeader?.();
    else this.#beginMember(header);
  }

  #endOfArchive(): void {
    if (this.#headers > 0) {
      throw new DeployError('corrupt', 'the archive ends after an extended header, without its entry');
    }
    this.#ended = true;
  }

  #beginExtended(header: TarHeader, maxBytes: number): void {
    if (header.size < 0) throw new DeployError('corrupt', 'an extended header has a negative size');
    if (header.size > maxBytes) {
      throw new DeployError(
        'too-large',
        `an extended header of ${header.size} bytes exceeds the limit of ${maxBytes}`,
      );
    }
    const { flag } = header;
    if (flag !== 'g') this.#headers += 1;
    if (flag === 'g' || this.#headers > HEADERS_OF_A_MEMBER) this.#handler.extraHeader?.();
    this.#extended = { flag, content: flag === 'L' || flag === 'K' ? new LongText() : new PaxReader() };
    this.#expect(header.size);
    if (header.size === 0) this.#endExtended();
  }

  #beginMember(header: TarHeader): void {
    const extended: ExtendedHeaders = {
      global: this.#global,
      local: this.#local,
      longName: this.#longName,
      longLink: this.#longLink,
    };
    const entry = tarEntryOf(header, extended);
    this.#headers = 0;
    this.#local.clear();
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#lastName = entry.name;
    this.#expect(entry.size);
    this.#handler.entry(entry);
    if (entry.size === 0) this.#handler.entryEnd();
  }

  #expect(size: number): void {
    this.#content = size;
    this.#padding = (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
  }

  #takeContent(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#content);
    const part = bytes.subarray(at, end);
    this.#content -= part.length;
    if (this.#extended === undefined) {
      this.#handler.data(part);
      if (this.#content === 0) this.#handler.entryEnd();
    } else {
      this.#extended.content.write(part);
      if (this.#content === 0) this.#endExtended();
    }
    return end;
  }

  #endExtended(): void {
    const extended = this.#extended;
    this.#extended = undefined;
    if (extended === undefined) return;
    const { flag } = extended;
    const said = extended.content.end();
    if (typeof said === 'string') {
      if (flag === 'L') this.#longName = said;
      else this.#longLink = said;
    } else {
      const records = flag === 'g' ? this.#global : this.#local;
      for (const [keyword, value] of said) records.set(keyword, value);
    }
  }

  #skipPadding(bytes: Buffer, at: number): number {
    const skipped = Math.min(this.#padding, bytes.length - at);
    this.#padding -= skipped;
    return at + skipped;
  }

  #damaged(): DeployError {
    return this.#lastName === undefined
      ? new DeployError('corrupt', 'the archive does not begin with a tar header')
      : new DeployError(
          'corrupt',
          `the archive is damaged after ${showName(this.#lastName)}: no valid header`,
        );
  }
}

interface ExtendedHeader {
  readonly flag: string;
  readonly content: PaxReader | LongText;
}

/** Reads a GNU long name, without the NULs at its end. The entry policy refuses NULs within it. */
class LongText {
  readonly #parts: Buffer[] = [];

  write(bytes: Buffer): void {
    this.#parts.push(Buffer.from(bytes));
  }

  end(): ByteName {
    const body = Buffer.concat(this.#parts);
    let end = body.length;
    while (end > 0 && body[end - 1] === 0) end--;
    return body.toString('latin1', 0, end);
  }
}
