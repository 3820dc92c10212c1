import type { ByteName } from './byte-name.js';
import type { SafeEntry } from './entry-policy.js';
import { TAR_BLOCK as BLOCK } from './tar-header.js';

/** The largest values of the octal fields of a header (POSIX 1003.1, ustar interchange format). */
const MAX_OCTAL_7 = 0o7777777;
const MAX_OCTAL_11 = 0o77777777777;
const MAX_FIELD_NAME = 100;

/** The end-of-archive blocks. */
export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK);

/** A member to write. Its path has `/` between parts and none at the end. */
export interface TarMember
  extends Pick<
    SafeEntry,
    'path' | 'linkTarget' | 'mode' | 'uid' | 'gid' | 'size' | 'mtimeSeconds' | 'mtimeNanoseconds'
  > {
  readonly type: 'file' | 'hardlink' | 'symlink' | 'directory';
}

const TYPE_FLAGS = { file: '0', hardlink: '1', symlink: '2', directory: '5' } as const;

/**
 * Makes the blocks before a member's content: a ustar header, after pax records for values that do not fit it. The same member
 * always gives the same bytes.
 */
export function tarHeader(member: TarMember): Buffer {
  const path = member.type === 'directory' ? `${member.path}/` : member.path;
  const records = paxRecords(member, path);
  const header = ustarHeader(TYPE_FLAGS[member.type], path, member);
  if (records === '') return header;
  const body = Buffer.from(records, 'latin1');
  const pax = ustarHeader('x', 'PaxHeaders/entry', {
    linkTarget: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtimeSeconds: 0,
    size: body.length,
  });
  return Buffer.concat([pax, body, tarPadding(body.length), header]);
}

/** The zeros that fill the last block of `size` bytes of content. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

type HeaderFields = Pick<TarMember, 'linkTarget' | 'mode' | 'uid' | 'gid' | 'size' | 'mtimeSeconds'>;

function ustarHeader(flag: string, path: ByteName, fields: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(path.slice(0, MAX_FIELD_NAME), 0, 'latin1');
  octal(block, 100, 7, fields.mode);
  octal(block, 108, 7, Math.min(fields.uid, MAX_OCTAL_7));
  octal(block, 116, 7, Math.min(fields.gid, MAX_OCTAL_7));
  octal(block, 124, 11, Math.min(fields.size, MAX_OCTAL_11));
  octal(block, 136, 11, Math.min(Math.max(fields.mtimeSeconds, 0), MAX_OCTAL_11));
  block.write(flag, 156, 'latin1');
  block.write(fields.linkTarget.slice(0, MAX_FIELD_NAME), 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  octal(block, 329, 7, 0);
  octal(block, 337, 7, 0);
  block.fill(' ', 148, 156);
  octal(block, 148, 6, sum(block));
  return block;
}

/** Zero-padded digits and a NUL. */
function octal(block: Buffer, at: number, digits: number, value: number): void {
  block.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
}

function sum(block: Buffer): number {
  let total = 0;
  for (const byte of block) total += byte;
  return total;
}

/** Records (POSIX 1003.1, pax extended header) for the fields that ustar cannot hold. */
function paxRecords(member: TarMember, path: ByteName): string {
  const records: string[] = [];
  if (path.length > MAX_FIELD_NAME) records.push(record('path', path));
  if (member.linkTarget.length > MAX_FIELD_NAME) records.push(record('linkpath', member.linkTarget));
  if (member.size > MAX_OCTAL_11) records.push(record('size', String(member.size)));
  if (member.uid > MAX_OCTAL_7) records.push(record('uid', String(member.uid)));
  if (member.gid > MAX_OCTAL_7) records.push(record('gid', String(member.gid)));
  const { mtimeSeconds, mtimeNanoseconds } = member;
  if (mtimeNanoseconds !== 0 || mtimeSeconds < 0 || mtimeSeconds > MAX_OCTAL_11) {
    records.push(record('mtime', decimalTime(mtimeSeconds, mtimeNanoseconds)));
  }
  return records.join('');
}

/** Makes one record. The length at its beginning includes its own digits. */
function record(key: string, value: ByteName): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

/** @param nanoseconds added to the seconds, even to negative ones. */
function decimalTime(seconds: number, nanoseconds: number): string {
  if (seconds < 0 && nanoseconds > 0) {
    return `-${decimalTime(-seconds - 1, 1e9 - nanoseconds)}`;
  }
  const fraction = String(nanoseconds).padStart(9, '0').replace(/0+$/, '');
  return fraction === '' ? String(seconds) : `${seconds}.${fraction}`;
}
