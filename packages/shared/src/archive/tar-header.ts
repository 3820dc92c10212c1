import { DeployError } from '../errors.js';
import type { ByteName } from './byte-name.js';
import type { TarEntry } from './tar-entry.js';

/** The size of a tar header; contents are padded to a multiple of it. */
export const TAR_BLOCK = 512;

/** The fields of one header block, before extended headers are applied. */
export interface TarHeader extends Omit<TarEntry, 'type' | 'mtimeSeconds' | 'mtimeNanoseconds'> {
  /** Type flag, one character; NUL (old V7) becomes `0`. */
  readonly flag: string;
  readonly mtime: number;
}

/** Whether the block's checksum is right, as a sum of unsigned bytes (POSIX) or of signed ones (some old tars). */
export function hasValidChecksum(block: Buffer): boolean {
  let unsigned = 0;
  let signed = 0;
  for (let at = 0; at < TAR_BLOCK; at++) {
    const byte = at >= 148 && at < 156 ? 0x20 : (block[at] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const stored = octal(block, 148, 8);
  return stored === unsigned || stored === signed;
}

export function isZeroBlock(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

/**
 * Reads a header block whose checksum was verified: V7, ustar (POSIX 1003.1, with prefix), GNU and pax alike.
 * @throws DeployError corrupt, when a number cannot be read.
 */
export function parseTarHeader(block: Buffer): TarHeader {
  const magic = text(block, 257, 6);
  const known = magic === 'ustar' || magic === 'ustar ';
  // GNU's header ("ustar  ") has other fields in the place of the prefix.
  const prefix = magic === 'ustar' ? text(block, 345, 155) : '';
  const shortName = text(block, 0, 100);
  const flag = String.fromCharCode(block[156] ?? 0);
  return {
    flag: flag === '\0' ? '0' : flag,
    name: prefix === '' ? shortName : `${prefix}/${shortName}`,
    linkName: text(block, 157, 100),
    mode: number(block, 100, 8, 'mode'),
    uid: number(block, 108, 8, 'uid'),
    gid: number(block, 116, 8, 'gid'),
    size: number(block, 124, 12, 'size'),
    mtime: number(block, 136, 12, 'mtime'),
    deviceMajor: known ? number(block, 329, 8, 'device') : 0,
    deviceMinor: known ? number(block, 337, 8, 'device') : 0,
  };
}

function text(block: Buffer, from: number, length: number): ByteName {
  let end = from;
  while (end < from + length && block[end] !== 0) end++;
  return block.toString('latin1', from, end);
}

function number(block: Buffer, from: number, length: number, field: string): number {
  const value = (block[from] ?? 0) & 0x80 ? base256(block, from, length) : octal(block, from, length);
  if (Number.isSafeInteger(value)) return value;
  throw new DeployError('corrupt', `the ${field} of an archive entry is not a number that can be read`);
}

/** Parses octal digits after optional blanks, up to a blank or NUL. An empty field is 0, other text NaN. */
function octal(block: Buffer, from: number, length: number): number {
  const end = from + length;
  let at = from;
  while (at < end && (block[at] === 0x20 || block[at] === 0)) at++;
  let value = 0;
  for (; at < end; at++) {
    const byte = block[at] ?? 0;
    if (byte === 0x20 || byte === 0) break;
    if (byte < 0x30 || byte > 0x37) return Number.NaN;
    value = value * 8 + (byte - 0x30);
  }
  return value;
}

/** Parses GNU's base-256: two's complement, big-endian; the first bit is the marker, the second the sign. */
function base256(block: Buffer, from: number, length: number): number {
  const first = block[from] ?? 0;
  let value = first & 0x40 ? (first & 0x3f) - 0x40 : first & 0x3f;
  for (let at = from + 1; at < from + length; at++) value = value * 256 + (block[at] ?? 0);
  return value;
}
