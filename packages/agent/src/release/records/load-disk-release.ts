import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';
import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { ManifestEntry } from '@deploy-tools/shared/layers/manifest.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { ManifestStore } from '../fetch/manifest-store.js';
import type { DiskFile, DiskRelease } from '../plan/disk-release.js';
import type { ReleaseRecord } from './release-record.js';
import type { ReleaseRecords } from './release-records.js';

/** What is known of the releases on this host. */
export interface ReleaseRecordSources {
  readonly records: ReleaseRecords;
  readonly manifests: ManifestStore;
  readonly log: Logger;
}

/**
 * Describes a release on disk from its record and the kept manifests.
 * @param release its configuration hash and the absolute path of its directory.
 * @returns undefined when there is no record, or a part of what it rests on is gone.
 */
export function loadDiskRelease(
  { hash, root }: { readonly hash: string; readonly root: string },
  { records, manifests, log }: ReleaseRecordSources,
): DiskRelease | undefined {
  try {
    const record = records.read(hash);
    return record === undefined ? undefined : diskRelease(record, manifests, root);
  } catch (error) {
    if (!isDeployError(error, 'corrupt')) throw error;
    log.warn({ root, err: describeError(error) }, 'the record of a release cannot be used');
    return undefined;
  }
}

function diskRelease(record: ReleaseRecord, manifests: ManifestStore, root: string): DiskRelease | undefined {
  const layers: { readonly entries: readonly ManifestEntry[]; readonly rows: Int32Array }[] = [];
  for (const digest of record.manifests) {
    const entries = manifests.entries(digest);
    if (entries === undefined) return undefined;
    layers.push({ entries, rows: new Int32Array(entries.length).fill(-1) });
  }
  let row = 0;
  for (const { layer, index } of record.places) {
    const rows = layers[layer]?.rows;
    if (rows !== undefined) rows[index] = row; // one that is out of bounds is ignored
    row += 1;
  }
  const files = new Map<ByteName, DiskFile>();
  for (const { entries, rows } of layers) {
    for (let index = 0; index < entries.length; index++) {
      const { path, chunks } = entries[index] as ManifestEntry;
      const at = rows[index] ?? -1;
      if (chunks.length > 0) files.set(path, { path, chunks, stamp: at < 0 ? undefined : at });
      else files.delete(path);
    }
  }
  return { root, files, stamps: record.stamps };
}
