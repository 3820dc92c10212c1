import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';
import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { ManifestEntry } from '@deploy-tools/shared/layers/manifest.js';
import type { ManifestStore } from '../fetch/manifest-store.js';
import type { DiskFile, DiskRelease, DiskSources } from '../plan/disk-release.js';
import { halfBuilt } from '../release-directory.js';
import type { ReleaseStore, WantedRelease } from '../release-store.js';
import type { ReleaseRecord } from './release-record.js';
import { ReleaseRecords } from './release-records.js';

/** Releases besides the running one whose files may be reused. */
const MAX_OTHERS = 2;

/**
 * Finds directories whose content may be reused: the running release, an earlier release of the same layers, the release
 * that was recorded last, and what an interrupted deployment left.
 */
export function loadSources(
  { paths, settings, log }: ReleaseStore,
  manifests: ManifestStore,
  { config, before }: WantedRelease,
): DiskSources {
  const leftovers = halfBuilt(paths.unpacked);
  if (settings.reuse === 'off') return { releases: [], unproven: leftovers };
  const records = new ReleaseRecords(paths.records);
  /** @returns undefined when the record or one of its manifests is missing. */
  const load = (hash: string, root: string): DiskRelease | undefined => {
    try {
      const record = records.load(hash);
      return record === undefined ? undefined : diskRelease(record, manifests, root);
    } catch (error) {
      if (!isDeployError(error, 'corrupt')) throw error;
      log.warn({ root, err: describeError(error) }, 'the record of a release cannot be used');
      return undefined;
    }
  };
  const recorded = records.newestFirst().filter((hash) => hash !== before?.hash && hash !== config.hash);
  const others = [config.hash, ...recorded].slice(0, MAX_OTHERS);
  const releases: DiskRelease[] = [];
  const unproven: string[] = [];
  for (const hash of before === undefined ? others : [before.hash, ...others]) {
    const root = join(paths.unpacked, hash);
    if (!existsSync(root)) continue;
    const release = load(hash, root);
    if (release !== undefined) releases.push(release);
    else if (hash === before?.hash || hash === config.hash) unproven.push(root);
  }
  return { releases, unproven: [...unproven, ...leftovers] };
}

function diskRelease(record: ReleaseRecord, manifests: ManifestStore, root: string): DiskRelease | undefined {
  const layers: { readonly entries: readonly ManifestEntry[]; readonly rows: Int32Array }[] = [];
  for (const digest of record.manifests) {
    const entries = manifests.entries(digest);
    if (entries === undefined) return undefined;
    layers.push({ entries, rows: new Int32Array(entries.length).fill(-1) });
  }
  for (const [row, { layer, index }] of record.places.entries()) {
    const rows = layers[layer]?.rows;
    if (rows !== undefined) rows[index] = row; // an index that is out of bounds is ignored
  }
  const files = new Map<ByteName, DiskFile>();
  for (const { entries, rows } of layers) {
    for (const [index, { path, chunks }] of entries.entries()) {
      const row = rows[index] ?? -1;
      if (chunks.length > 0) files.set(path, { path, chunks, stamp: row < 0 ? undefined : row });
      else files.delete(path);
    }
  }
  return { root, files, stamps: record.stamps };
}
