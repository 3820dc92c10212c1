import type { ByteName } from '../archive/byte-name.js';
import { isMemberPath } from '../archive/path-guard.js';
import type { TarEntryType } from '../archive/tar-entry.js';
import { DeployError } from '../errors.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import {
  type ChunkRef,
  MAX_CHUNK,
  MAX_NAME,
  MAX_SEGMENT,
  MAX_SEGMENT_ENTRIES,
  type ManifestEntry,
} from './manifest.js';

/** The number of a type is its index. */
const TYPES: readonly TarEntryType[] = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'character-device',
  'block-device',
  'fifo',
];
/** The least bytes of a chunk: a digest and two numbers. */
const CHUNK_BYTES = 34;

/**
 * The bytes of a segment.
 * @param entries 1 to MAX_SEGMENT_ENTRIES.
 * @throws DeployError unsupported, when the format cannot hold an entry: a name beyond MAX_NAME, a negative number, too many
 *   chunks.
 */
export function encodeEntrySegment(entries: readonly ManifestEntry[]): Buffer {
  const writer = new ByteWriter();
  let previous = '';
  for (const entry of entries) {
    writeEntry(writer, entry, previous);
    previous = entry.path;
  }
  if (writer.length > MAX_SEGMENT) throw new DeployError('unsupported', 'a file is too large for a manifest');
  return writer.finish();
}

/**
 * The entries of a segment. Accepts only the output of `encodeEntrySegment`, as the same entries have one form.
 * @throws DeployError corrupt.
 */
export function decodeEntrySegment(bytes: Uint8Array): ManifestEntry[] {
  const reader = new ByteReader(bytes, 'entry segment');
  if (bytes.length > MAX_SEGMENT) throw reader.corrupt(`it has more than ${MAX_SEGMENT} bytes`);
  const entries: ManifestEntry[] = [];
  let previous = '';
  do {
    if (entries.length === MAX_SEGMENT_ENTRIES) {
      throw reader.corrupt(`it has more than ${MAX_SEGMENT_ENTRIES} entries`);
    }
    const entry = readEntry(reader, entries.length === 0 ? undefined : previous);
    entries.push(entry);
    previous = entry.path;
  } while (!reader.atEnd);
  return entries;
}

function writeEntry(writer: ByteWriter, entry: ManifestEntry, previous: ByteName): void {
  if (Math.max(entry.path.length, entry.target.length) > MAX_NAME) {
    throw new DeployError('unsupported', `a manifest cannot hold a name of more than ${MAX_NAME} bytes`);
  }
  const shared = sharedBytes(previous, entry.path);
  writer.varint(shared);
  writer.name(entry.path.slice(shared));
  writer.u8(TYPES.indexOf(entry.type));
  writer.varint(entry.mode);
  writer.varint(entry.uid);
  writer.varint(entry.gid);
  if (entry.type === 'file') writeContent(writer, entry);
  else if (isLink(entry.type)) writer.name(entry.target);
  else if (isDevice(entry.type)) {
    writer.varint(entry.deviceMajor);
    writer.varint(entry.deviceMinor);
  }
}

function writeContent(writer: ByteWriter, entry: ManifestEntry): void {
  writer.varint(entry.size);
  writer.varint(entry.chunks.length);
  for (const { digest, length, packedLength } of entry.chunks) {
    writer.digest(digest);
    writer.varint(length);
    writer.varint(packedLength);
  }
}

/** @param previous path of the entry before; undefined for the first. */
function readEntry(reader: ByteReader, previous: ByteName | undefined): ManifestEntry {
  const path = readPath(reader, previous);
  const type = TYPES[reader.u8()];
  if (type === undefined) throw reader.corrupt('an entry is of unknown type');
  if (path === '' && type !== 'directory') throw reader.corrupt('its root is not a directory');
  const mode = reader.varint('mode', 0, 0o7777);
  const uid = reader.varint('uid');
  const gid = reader.varint('gid');
  const size = type === 'file' ? reader.varint('size') : 0;
  const chunks = type === 'file' ? readChunks(reader, size) : [];
  const target = isLink(type) ? readTarget(reader, type) : '';
  const deviceMajor = isDevice(type) ? reader.varint('device') : 0;
  const deviceMinor = isDevice(type) ? reader.varint('device') : 0;
  return { type, path, mode, uid, gid, size, chunks, target, deviceMajor, deviceMinor };
}

function readPath(reader: ByteReader, previous: ByteName | undefined): ByteName {
  const before = previous ?? '';
  const shared = reader.varint('shared', 0, before.length);
  const rest = reader.name('path', MAX_NAME - shared);
  if (rest !== '' && shared < before.length && rest[0] === before[shared]) {
    throw reader.corrupt('a path shares less than it could');
  }
  const path = before.slice(0, shared) + rest;
  if (path !== '' && !isMemberPath(path)) throw reader.corrupt('a path is not in normal form');
  return path;
}

function readChunks(reader: ByteReader, size: number): ChunkRef[] {
  const count = reader.count('chunks', CHUNK_BYTES);
  const chunks: ChunkRef[] = [];
  let sum = 0;
  for (let at = 0; at < count; at++) {
    const digest = reader.digest();
    const length = reader.varint('chunk length', 1, MAX_CHUNK);
    const packedLength = reader.varint('packed length', 1, length);
    chunks.push({ digest, length, packedLength });
    sum += length;
  }
  if (sum !== size) throw reader.corrupt(`chunks of ${sum} bytes make a file of ${size}`);
  return chunks;
}

function readTarget(reader: ByteReader, type: TarEntryType): ByteName {
  const target = reader.name('target', MAX_NAME);
  if (target === '') throw reader.corrupt('a link has no target');
  if (type === 'hardlink' && !isMemberPath(target)) throw reader.corrupt('a target is not in normal form');
  return target;
}

function isLink(type: TarEntryType): boolean {
  return type === 'symlink' || type === 'hardlink';
}

function isDevice(type: TarEntryType): boolean {
  return type === 'character-device' || type === 'block-device';
}

function sharedBytes(a: ByteName, b: ByteName): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}
