import { hash } from 'node:crypto';
import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';
import { MAX_SEGMENT_ENTRIES, type ManifestEntry } from '@deploy-tools/shared/layers/manifest.js';

const MIN_ENTRIES = 4;
const CUT_ONE_IN = 10;
/** Bounds a segment with large files to about half a MiB. */
const MAX_CHUNKS = 16_384;

/**
 * Cuts the entries of a layer into segments by their paths (docs/manifest-and-pack.md, "Cuts"), so that a new entry changes one
 * segment only.
 */
export function* segmentCuts<T extends ManifestEntry>(entries: readonly T[]): Generator<readonly T[]> {
  const firstLink = entries.findIndex((entry) => entry.type === 'hardlink');
  let from = 0;
  let chunks = 0;
  for (const [at, entry] of entries.entries()) {
    const next = at + 1;
    chunks += entry.chunks.length;
    const full = next - from === MAX_SEGMENT_ENTRIES || chunks >= MAX_CHUNKS || next === firstLink;
    const cut = full || next === entries.length || (next - from >= MIN_ENTRIES && cutsAfter(entry.path));
    if (!cut) continue;
    yield entries.slice(from, next);
    from = next;
    chunks = 0;
  }
}

function cutsAfter(path: ByteName): boolean {
  const digest = hash('sha256', Buffer.from(path, 'latin1'));
  return Number.parseInt(digest.slice(0, 8), 16) % CUT_ONE_IN === 0;
}
