import { DeployError } from '../errors.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import {
  MANIFEST_VERSION,
  MAX_ROOT,
  MAX_SEGMENT,
  MAX_SEGMENT_ENTRIES,
  type ManifestRoot,
  PACK_HEADER,
  type SegmentRef,
  TIME_SEGMENT_ENTRIES,
} from './manifest.js';

const MAGIC = 'DTMF';
/** The least bytes of a reference: a digest and three numbers. */
const REF_BYTES = 35;

/** A segment without its place, which follows from the previous segments. */
export type PlacelessSegment = Omit<SegmentRef, 'offset'>;

/** A root for writing: its segments have no places. */
export interface PlacelessRoot extends Omit<ManifestRoot, 'entrySegments' | 'timeSegments'> {
  readonly entrySegments: readonly PlacelessSegment[];
  readonly timeSegments: readonly PlacelessSegment[];
}

/** @throws DeployError unsupported, when it exceeds MAX_ROOT. */
export function encodeManifestRoot(root: PlacelessRoot): Buffer {
  const writer = new ByteWriter();
  writer.raw(Buffer.from(MAGIC, 'latin1'));
  writer.u8(MANIFEST_VERSION);
  writer.varint(root.compressor);
  writer.digest(root.archive.hash);
  writer.varint(root.archive.size);
  writer.digest(root.pack.hash);
  writer.varint(root.pack.size);
  writer.varint(root.contentOffset);
  writer.varint(root.entries);
  writer.varint(root.contentBytes);
  for (const segments of [root.entrySegments, root.timeSegments]) writeSegments(writer, segments);
  if (writer.length > MAX_ROOT)
    throw new DeployError('unsupported', 'the archive is too large for a manifest');
  return writer.finish();
}

/**
 * Reads a root whose digest was verified, and checks that its numbers are consistent.
 * @throws DeployError unsupported, for another version of the format, so that the caller uses the archive; corrupt.
 */
export function decodeManifestRoot(bytes: Uint8Array): ManifestRoot {
  const reader = new ByteReader(bytes, 'manifest root');
  if (bytes.length > MAX_ROOT) throw reader.corrupt(`it has more than ${MAX_ROOT} bytes`);
  readVersion(reader);
  const compressor = reader.varint('compressor');
  const archive = { hash: reader.digest(), size: reader.varint('archive size') };
  const pack = { hash: reader.digest(), size: reader.varint('pack size', PACK_HEADER.length) };
  const contentOffset = reader.varint('content offset', PACK_HEADER.length, pack.size);
  const entries = reader.varint('entries');
  const contentBytes = reader.varint('content bytes', pack.size - contentOffset);
  const entrySegments = readSegments(reader, PACK_HEADER.length, MAX_SEGMENT_ENTRIES);
  const timeSegments = readSegments(reader, endOf(entrySegments, PACK_HEADER.length), TIME_SEGMENT_ENTRIES);
  reader.end();
  if (endOf(timeSegments, endOf(entrySegments, PACK_HEADER.length)) !== contentOffset) {
    throw reader.corrupt('its segments do not end where its content begins');
  }
  for (const segments of [entrySegments, timeSegments]) {
    const sum = segments.reduce((total, segment) => total + segment.entries, 0);
    if (sum !== entries) throw reader.corrupt(`segments of ${sum} entries make a layer of ${entries}`);
  }
  if (timeSegments.slice(0, -1).some((segment) => segment.entries !== TIME_SEGMENT_ENTRIES)) {
    throw reader.corrupt('a time segment is short');
  }
  return { compressor, archive, pack, contentOffset, entries, contentBytes, entrySegments, timeSegments };
}

function readVersion(reader: ByteReader): void {
  if (reader.raw(MAGIC.length).toString('latin1') !== MAGIC) throw reader.corrupt('it does not begin as one');
  const version = reader.u8();
  if (version === MANIFEST_VERSION) return;
  throw new DeployError(
    'unsupported',
    `the manifest has version ${version}, this program reads ${MANIFEST_VERSION}`,
  );
}

function writeSegments(writer: ByteWriter, segments: readonly PlacelessSegment[]): void {
  writer.varint(segments.length);
  for (const { digest, length, packedLength, entries } of segments) {
    writer.digest(digest);
    writer.varint(length);
    writer.varint(packedLength);
    writer.varint(entries);
  }
}

function readSegments(reader: ByteReader, from: number, maxEntries: number): SegmentRef[] {
  const count = reader.count('segments', REF_BYTES);
  const segments: SegmentRef[] = [];
  let offset = from;
  for (let at = 0; at < count; at++) {
    const digest = reader.digest();
    const length = reader.varint('segment length', 1, MAX_SEGMENT);
    const packedLength = reader.varint('packed length', 1, length);
    const entries = reader.varint('entries of a segment', 1, maxEntries);
    segments.push({ digest, length, packedLength, entries, offset });
    offset += packedLength;
  }
  return segments;
}

function endOf(segments: readonly SegmentRef[], otherwise: number): number {
  const last = segments.at(-1);
  return last === undefined ? otherwise : last.offset + last.packedLength;
}
