import { DeployError } from '../errors.js';
import { type ByteName, showName } from './byte-name.js';
import { type PaxRecords, paxInteger, paxTime, SPARSE } from './pax-records.js';
import type { TarEntry, TarEntryType } from './tar-entry.js';
import type { TarHeader } from './tar-header.js';

/** The values of the extended headers before a member. */
export interface ExtendedHeaders {
  /** From pax `g` headers, for all following members. */
  readonly global: PaxRecords;
  /** From pax `x` headers, for the next member only. */
  readonly local: PaxRecords;
  /** From GNU `L` and `K` headers. */
  readonly longName: ByteName | undefined;
  readonly longLink: ByteName | undefined;
}

const TYPES: ReadonlyMap<string, TarEntryType> = new Map([
  ['0', 'file'],
  ['1', 'hardlink'],
  ['2', 'symlink'],
  ['3', 'character-device'],
  ['4', 'block-device'],
  ['5', 'directory'],
  ['6', 'fifo'],
  // The "contiguous file" of old POSIX is a file today.
  ['7', 'file'],
]);

/**
 * Combines a header with the extended headers before it. A pax record wins over a GNU long name, which wins over the header. As in
 * GNU tar, only files have content, whatever size another type has.
 * @throws DeployError invalid, for unsupported types and sparse files; corrupt, for impossible values.
 */
export function tarEntryOf(header: TarHeader, extended: ExtendedHeaders): TarEntry {
  const pax = (keyword: string): string | undefined =>
    (extended.local.get(keyword) ?? extended.global.get(keyword)) || undefined;
  const name = pax('path') ?? extended.longName ?? header.name;
  refuseSparse(name, extended);
  const size = integerOf(pax, 'size', header.size);
  if (size < 0) throw new DeployError('corrupt', `${showName(name)} has a negative size`);
  const type = typeOf(header, name, size);
  const mtime = pax('mtime');
  const time = mtime === undefined ? { seconds: header.mtime, nanoseconds: 0 } : paxTime('mtime', mtime);
  const isDevice = type === 'character-device' || type === 'block-device';
  const isLink = type === 'symlink' || type === 'hardlink';
  return {
    type,
    name,
    linkName: isLink ? (pax('linkpath') ?? extended.longLink ?? header.linkName) : '',
    mode: header.mode & 0o7777,
    uid: integerOf(pax, 'uid', header.uid),
    gid: integerOf(pax, 'gid', header.gid),
    size: type === 'file' ? size : 0,
    mtimeSeconds: time.seconds,
    mtimeNanoseconds: time.nanoseconds,
    deviceMajor: isDevice ? header.deviceMajor : 0,
    deviceMinor: isDevice ? header.deviceMinor : 0,
  };
}

function typeOf(header: TarHeader, name: ByteName, size: number): TarEntryType {
  const type = TYPES.get(header.flag);
  if (type === undefined) throw unknownType(header.flag, name);
  // V7 had no flag for directories: a name that ends in a slash was one, and GNU tar still reads it so.
  if (type !== 'file' || !name.endsWith('/')) return type;
  if (size === 0) return 'directory';
  throw new DeployError('corrupt', `${showName(name)} is a directory by its name but has content`);
}

function refuseSparse(name: ByteName, extended: ExtendedHeaders): void {
  if (extended.local.has(SPARSE) || extended.global.has(SPARSE)) throw sparse(name);
}

function unknownType(flag: string, name: ByteName): DeployError {
  if (flag === 'S') return sparse(name);
  return new DeployError('invalid', `${showName(name)} is an entry of unknown type ${showName(flag)}`, {
    hint: 'make the archive with tar --format=pax',
  });
}

function sparse(name: ByteName): DeployError {
  return new DeployError('invalid', `${showName(name)} is stored as a sparse file, which is not supported`, {
    hint: 'make the archive without --sparse',
  });
}

function integerOf(pax: (keyword: string) => string | undefined, keyword: string, otherwise: number): number {
  const value = pax(keyword);
  return value === undefined ? otherwise : paxInteger(keyword, value);
}
