import { hash } from 'node:crypto';
import { readFileSync, readSync, statSync } from 'node:fs';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { decodeEntrySegment } from '@deploy-tools/shared/layers/entry-segment.js';
import { unpackFrame } from '@deploy-tools/shared/layers/frame.js';
import {
  type EntryTime,
  MAX_ROOT,
  type ManifestEntry,
  type ManifestRoot,
  type SegmentRef,
} from '@deploy-tools/shared/layers/manifest.js';
import { decodeManifestRoot } from '@deploy-tools/shared/layers/manifest-root.js';
import { decodeTimeSegment } from '@deploy-tools/shared/layers/time-segment.js';

/**
 * The bytes of a manifest's root. All functions of this file block, and are for worker threads.
 * @throws DeployError corrupt when the root is too large; system errors.
 */
export function readRootBytes(path: string): Buffer {
  if (statSync(path).size > MAX_ROOT) throw new DeployError('corrupt', 'the manifest root is too large');
  return readFileSync(path);
}

/** A manifest's root. @throws DeployError corrupt, unsupported; system errors. */
export function readManifestRoot(path: string): ManifestRoot {
  return decodeManifestRoot(readRootBytes(path));
}

/** The entries of a layer from its open pack; verifies each segment. @throws DeployError corrupt; system errors. */
export function readEntries(root: ManifestRoot, pack: number): ManifestEntry[] {
  const entries: ManifestEntry[] = [];
  for (const ref of root.entrySegments) {
    const some = decodeEntrySegment(readSegment(ref, pack));
    if (some.length !== ref.entries) throw corrupt(`${some.length} entries instead of ${ref.entries}`);
    for (const entry of some) entries.push(entry);
  }
  return entries;
}

/** The times of a layer, like {@link readEntries}. */
export function readTimes(root: ManifestRoot, pack: number): EntryTime[] {
  return root.timeSegments.flatMap((ref) => decodeTimeSegment(readSegment(ref, pack), ref.entries));
}

function readSegment(ref: SegmentRef, pack: number): Buffer {
  const frame = Buffer.allocUnsafe(ref.packedLength);
  if (readSync(pack, frame, 0, frame.length, ref.offset) !== frame.length)
    throw corrupt('the pack is cut off');
  const bytes = unpackFrame(frame, ref.length);
  if (hash('sha256', bytes) !== ref.digest) throw corrupt('it is not what its digest says');
  return bytes;
}

function corrupt(why: string): DeployError {
  return new DeployError('corrupt', `a segment of the manifest is damaged: ${why}`);
}
