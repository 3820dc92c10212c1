import { DeployError } from '@deploy-tools/shared/errors.js';
import { STAMP_NUMBERS } from '../plan/disk-release.js';
import type { EntryPlace } from '../plan/release-tree.js';

/** The record of a release, which tells later which of its files are unchanged. */
export interface ReleaseRecord {
  /** Digests of the manifests of its layers, in order. */
  readonly manifests: readonly string[];
  /** The entries of the files; each file has its entry's path. */
  readonly places: readonly EntryPlace[];
  /** A row for each file, as in DiskRelease. */
  readonly stamps: BigInt64Array;
}

const MAGIC = Buffer.from('DTRR\x01\0\0\0', 'latin1');
const HEAD = MAGIC.length + 8;
const DIGEST_BYTES = 32;
const STAMP_BYTES = STAMP_NUMBERS * 8;
const PLACE_BYTES = 8;

/**
 * Magic and version (8 bytes); the number of layers and of files (uint32 each); digests; stamps; then layer and index of
 * each file's entry (uint32 each). Numbers are in the order of this host's bytes: a record is of no use elsewhere.
 */
export function encodeReleaseRecord({ manifests, places, stamps }: ReleaseRecord): Buffer {
  return Buffer.concat([
    MAGIC,
    bytesOf(Uint32Array.of(manifests.length, places.length)),
    ...manifests.map((digest) => Buffer.from(digest, 'hex')),
    bytesOf(stamps),
    bytesOf(Uint32Array.from(places.flatMap(({ layer, index }) => [layer, index]))),
  ]);
}

/**
 * A damaged number does no harm, for it would have to be what lstat(2) says of the very file to be believed.
 * @throws DeployError corrupt, when it is not a record or was cut.
 */
export function decodeReleaseRecord(bytes: Uint8Array): ReleaseRecord {
  // A copy of its own, so that numbers begin where numbers may. (The slice of a Buffer is no copy.)
  const whole = Buffer.from(new Uint8Array(bytes).buffer);
  if (whole.length < HEAD || !whole.subarray(0, MAGIC.length).equals(MAGIC)) throw corrupt();
  const [layers = 0, files = 0] = new Uint32Array(whole.buffer, MAGIC.length, 2);
  const stampsAt = HEAD + layers * DIGEST_BYTES;
  const placesAt = stampsAt + files * STAMP_BYTES;
  if (whole.length !== placesAt + files * PLACE_BYTES) throw corrupt();
  const manifests = Array.from({ length: layers }, (_, layer) =>
    whole.toString('hex', HEAD + layer * DIGEST_BYTES, HEAD + (layer + 1) * DIGEST_BYTES),
  );
  const stamps = new BigInt64Array(whole.buffer, stampsAt, files * STAMP_NUMBERS);
  const numbers = new Uint32Array(whole.buffer, placesAt, files * 2);
  const places = Array.from({ length: files }, (_, row) => ({
    layer: numbers[row * 2] ?? 0,
    index: numbers[row * 2 + 1] ?? 0,
  }));
  return { manifests, places, stamps };
}

function bytesOf(numbers: Uint32Array | BigInt64Array): Buffer {
  return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

function corrupt(): DeployError {
  return new DeployError('corrupt', 'the record of a release is damaged');
}
