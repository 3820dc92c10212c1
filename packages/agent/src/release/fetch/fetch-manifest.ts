import { hash } from 'node:crypto';
import type { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { unpackFrame } from '@deploy-tools/shared/layers/frame.js';
import { MAX_ROOT, type SegmentRef } from '@deploy-tools/shared/layers/manifest.js';
import { decodeManifestRoot } from '@deploy-tools/shared/layers/manifest-root.js';
import { type FetchBatch, fetchBatches, type PackedPiece } from '../plan/pack-ranges.js';
import { type KeptManifest, segmentsOf } from './kept-manifests.js';
import type { PackFiles } from './pack-files.js';

/** Most bytes of segments in flight at once. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

export interface FetchedManifest extends KeptManifest {
  /** The bytes of the root. */
  readonly bytes: Buffer;
  /** How many bytes were fetched for it. */
  readonly fetched: number;
}

interface SegmentPiece extends PackedPiece {
  readonly place: SegmentRef;
}

/**
 * Fetches the root of a manifest, and its segments that are not known.
 * @param known gives verified segments by digest; called when the root is here.
 * @throws DeployError not-found, unsupported, corrupt: the archive will do instead; connect.
 */
export async function fetchManifest(
  { sftp, packs }: { readonly sftp: SftpClient; readonly packs: PackFiles },
  digest: string,
  known: () => ReadonlyMap<string, Buffer>,
): Promise<FetchedManifest> {
  const bytes = await sftp.readFile(`manifests/${digest}`, MAX_ROOT);
  if (hash('sha256', bytes) !== digest) throw mismatch(`the manifest ${digest}`);
  const root = decodeManifestRoot(bytes);
  const pack = root.pack.hash;
  packs.prepare(pack);
  const here = known();
  const segments = new Map<string, Buffer>();
  const missing = new Map<number, SegmentPiece>();
  for (const segment of segmentsOf(root)) {
    const content = here.get(segment.digest);
    if (content === undefined) missing.set(segment.offset, { layer: 0, place: segment });
    else segments.set(segment.digest, content);
  }
  let fetched = bytes.length;
  for (const batch of fetchBatches([...missing.values()], MAX_BATCH_BYTES)) {
    await fetchBatch(batch, { packs, pack }, segments);
    fetched += batch.bytes;
  }
  return { digest, root, segments, bytes, fetched };
}

/** Fetches all ranges of a batch at once. */
async function fetchBatch(
  { bytes, ranges, chunks }: FetchBatch<SegmentPiece>,
  { packs, pack }: { readonly packs: PackFiles; readonly pack: string },
  segments: Map<string, Buffer>,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(bytes);
  await Promise.all(
    ranges.map(({ at, length, offset }) => packs.readInto(pack, buffer.subarray(at, at + length), offset)),
  );
  for (const { plan, at } of chunks) {
    const { digest, length, packedLength } = plan.place;
    const content = unpackFrame(buffer.subarray(at, at + packedLength), length);
    if (hash('sha256', content) !== digest) throw mismatch(`a segment in the pack ${pack}`);
    segments.set(digest, content);
  }
}

function mismatch(what: string): DeployError {
  return new DeployError('corrupt', `${what} does not have its hash`, {
    hint: 'run fsck on the registry',
  });
}
