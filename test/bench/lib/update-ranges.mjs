import { chunkPlaces } from '@deploy-tools/shared/layers/chunk-places.js';
import { decodeEntrySegment } from '@deploy-tools/shared/layers/entry-segment.js';
import { unpackFrame } from '@deploy-tools/shared/layers/frame.js';
import { MAX_ROOT } from '@deploy-tools/shared/layers/manifest.js';
import { decodeManifestRoot } from '@deploy-tools/shared/layers/manifest-root.js';

/** As the agent: bytes between two ranges that are read and thrown away rather than asked around. */
const MAX_GAP = 4096;

/**
 * What a host reads of a new layer's pack when it has an old layer's content, worked out once for all readers: here the
 * registry is measured, and each host has a processor of its own for this.
 * @returns `{ pack, ranges: [{ offset, length }] }` in the order of the pack.
 */
export async function updateRanges(sftp, heldDigest, wantedDigest) {
  const held = heldDigest === undefined ? undefined : await readManifest(sftp, heldDigest);
  const { root, segments, places } = await readManifest(sftp, wantedDigest);
  const missing = [
    ...segments.filter(({ digest }) => !held?.segments.some((known) => known.digest === digest)),
    ...[...places].filter(([digest]) => held?.places.has(digest) !== true).map(([, place]) => place),
  ];
  return { pack: root.pack.hash, ranges: joined(missing.sort((a, b) => a.offset - b.offset)) };
}

async function readManifest(sftp, digest) {
  const root = decodeManifestRoot(await sftp.readFile(`manifests/${digest}`, MAX_ROOT));
  const file = await sftp.openFile(`packs/${root.pack.hash}`);
  const entries = [];
  for (const { offset, length, packedLength } of root.entrySegments) {
    const frame = Buffer.alloc(packedLength);
    await file.readInto(frame, offset);
    entries.push(...decodeEntrySegment(unpackFrame(frame, length)));
  }
  await file.close();
  return {
    root,
    segments: [...root.entrySegments, ...root.timeSegments],
    places: chunkPlaces(root, entries),
  };
}

function joined(pieces) {
  const ranges = [];
  for (const { offset, packedLength } of pieces) {
    const last = ranges.at(-1);
    const gap = last === undefined ? Number.POSITIVE_INFINITY : offset - last.offset - last.length;
    if (gap <= MAX_GAP) last.length = offset + packedLength - last.offset;
    else ranges.push({ offset, length: packedLength });
  }
  return ranges;
}
