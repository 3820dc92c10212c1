import { DeployError } from '@deploy-tools/shared/errors.js';
import { decodeEntrySegment } from '@deploy-tools/shared/layers/entry-segment.js';
import type { EntryTime, ManifestEntry } from '@deploy-tools/shared/layers/manifest.js';
import { decodeTimeSegment } from '@deploy-tools/shared/layers/time-segment.js';
import type { LayerManifest } from '../plan/layer-manifest.js';
import type { KeptManifest } from './kept-manifests.js';

/** Decodes manifests; a segment that several of them have is decoded once, and its entries are shared. */
export class SegmentDecoder {
  readonly #entries = new Map<string, readonly ManifestEntry[]>();

  /** @throws DeployError corrupt. */
  decode(kept: KeptManifest): LayerManifest {
    return { digest: kept.digest, root: kept.root, entries: this.entries(kept), times: timesOf(kept) };
  }

  entries({ root, segments }: Pick<KeptManifest, 'root' | 'segments'>): ManifestEntry[] {
    const entries: ManifestEntry[] = [];
    for (const { digest, entries: count } of root.entrySegments) {
      const segment = this.#entries.get(digest) ?? decodeEntrySegment(bytesOf(segments, digest));
      this.#entries.set(digest, segment);
      if (segment.length !== count) throw miscounted(segment.length, count);
      for (const entry of segment) entries.push(entry);
    }
    return entries;
  }
}

function timesOf({ root, segments }: KeptManifest): EntryTime[] {
  const times: EntryTime[] = [];
  for (const { digest, entries } of root.timeSegments) {
    for (const time of decodeTimeSegment(bytesOf(segments, digest), entries)) times.push(time);
  }
  return times;
}

function bytesOf(segments: ReadonlyMap<string, Buffer>, digest: string): Buffer {
  const bytes = segments.get(digest);
  if (bytes === undefined) throw new DeployError('internal', `segment ${digest} was not fetched`);
  return bytes;
}

function miscounted(found: number, expected: number): DeployError {
  return new DeployError('corrupt', `a manifest's segment has ${found} entries, not ${expected}`);
}
