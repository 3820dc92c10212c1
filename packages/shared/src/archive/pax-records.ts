import { DeployError } from '../errors.js';

/**
 * The records of a pax extended header that we use, as bytes (see ByteName): path, linkpath, size, uid, gid and mtime, and
 * {@link SPARSE} for any record of a sparse file. An empty value is kept, since it cancels the value of a global header.
 */
export type PaxRecords = ReadonlyMap<string, string>;

/** The key for every record `GNU.sparse.*`; their values are not kept. */
export const SPARSE = 'GNU.sparse.';

/** Longer than any file system accepts, so that errors name the bound of the policy first. */
export const MAX_NAME_BYTES = 64 * 1024;

/** Bytes of a number or a time. */
const MAX_NUMBER_BYTES = 256;

/** The used keywords, and the most bytes of their values. */
const KEPT: ReadonlyMap<string, number> = new Map([
  ['path', MAX_NAME_BYTES],
  ['linkpath', MAX_NAME_BYTES],
  ['size', MAX_NUMBER_BYTES],
  ['uid', MAX_NUMBER_BYTES],
  ['gid', MAX_NUMBER_BYTES],
  ['mtime', MAX_NUMBER_BYTES],
]);

/** Bytes of a keyword that are kept: no used keyword is longer. */
const KEYWORD_BYTES = 32;
const MAX_LENGTH_DIGITS = 10;
const SPACE = 0x20;
const ZERO = 0x30;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;

/** A time: whole seconds, rounded down, plus nanoseconds. */
export interface PaxTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/**
 * Reads the body of a pax extended header as it arrives: records `LENGTH KEYWORD=VALUE\n`, LENGTH counting the whole
 * record (POSIX 1003.1, pax). It holds what PaxRecords keeps and nothing else, whatever the size of the body.
 */
export class PaxReader {
  readonly #records = new Map<string, string>();
  #state: 'length' | 'keyword' | 'value' | 'padding' = 'length';
  #length = 0;
  #digits = 0;
  /** Remaining bytes of the record, with its newline. */
  #left = 0;
  #keyword = '';
  #isKept = false;
  #value = '';

  /** @throws DeployError corrupt; too-large, for a name. */
  write(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#state === 'length') at = this.#takeLength(bytes, at);
      else if (this.#state === 'keyword') at = this.#takeKeyword(bytes, at);
      else if (this.#state === 'value') at = this.#takeValue(bytes, at);
      else return;
    }
  }

  /** Ends the body and returns its records. @throws DeployError corrupt, within a record. */
  end(): PaxRecords {
    if (this.#state === 'padding' || (this.#state === 'length' && this.#digits === 0)) return this.#records;
    throw unreadable();
  }

  #takeLength(bytes: Buffer, at: number): number {
    const byte = bytes[at] ?? 0;
    if (byte === SPACE && this.#digits > 0) {
      this.#left = this.#length - this.#digits - 1;
      if (this.#left < 1) throw unreadable();
      this.#state = 'keyword';
    } else if (byte === 0 && this.#digits === 0) {
      // Some writers pad the body with NULs.
      this.#state = 'padding';
    } else {
      if (byte < ZERO || byte > ZERO + 9 || this.#digits === MAX_LENGTH_DIGITS) throw unreadable();
      this.#length = this.#length * 10 + (byte - ZERO);
      this.#digits += 1;
    }
    return at + 1;
  }

  #takeKeyword(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    const equals = bytes.subarray(at, end).indexOf(EQUALS);
    const stop = equals < 0 ? end : at + equals;
    const wanted = Math.min(stop, at + KEYWORD_BYTES - this.#keyword.length);
    this.#keyword += bytes.toString('latin1', at, Math.max(at, wanted));
    this.#left -= stop - at;
    if (equals < 0) {
      if (this.#left > 0) return end;
      throw new DeployError('corrupt', 'the archive has an extended header without a keyword');
    }
    this.#left -= 1;
    this.#beginValue();
    return stop + 1;
  }

  #beginValue(): void {
    const keyword = this.#keyword;
    if (keyword === '')
      throw new DeployError('corrupt', 'the archive has an extended header without a keyword');
    if (this.#left < 1) throw unreadable();
    const most = KEPT.get(keyword);
    this.#isKept = most !== undefined;
    if (most !== undefined && this.#left - 1 > most) throw tooLong(keyword, this.#left - 1, most);
    this.#state = 'value';
  }

  #takeValue(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    const isWhole = this.#left === 0;
    if (isWhole && bytes[end - 1] !== NEWLINE) throw unreadable();
    if (this.#isKept) this.#value += bytes.toString('latin1', at, isWhole ? end - 1 : end);
    if (isWhole) this.#endRecord();
    return end;
  }

  #endRecord(): void {
    if (this.#isKept) this.#records.set(this.#keyword, this.#value);
    else if (this.#keyword.startsWith(SPARSE)) this.#records.set(SPARSE, '');
    this.#state = 'length';
    this.#length = 0;
    this.#digits = 0;
    this.#keyword = '';
    this.#value = '';
  }
}

function unreadable(): DeployError {
  return new DeployError('corrupt', 'the archive has an extended header that cannot be read');
}

function tooLong(keyword: string, bytes: number, most: number): DeployError {
  if (most === MAX_NUMBER_BYTES) return badValue(keyword);
  return new DeployError('too-large', `the archive has a ${keyword} of ${bytes} bytes, the limit is ${most}`);
}

function badValue(keyword: string): DeployError {
  return new DeployError('corrupt', `the archive has an extended header with a bad ${keyword}`);
}

/**
 * Parses a pax decimal number: a count or an id.
 * @throws DeployError corrupt.
 */
export function paxInteger(keyword: string, value: string): number {
  const parsed = /^[0-9]+$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(parsed)) return parsed;
  throw badValue(keyword);
}

/**
 * Parses a pax time: decimal seconds with an optional sign and fraction, of which nine digits count.
 * @throws DeployError corrupt.
 */
export function paxTime(keyword: string, value: string): PaxTime {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(value);
  if (match === null) throw badValue(keyword);
  const seconds = Number(match[2]);
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  if (match[1] === '') return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: 0 - seconds, nanoseconds: 0 }
    : { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}
