import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import { KeptManifests } from '../fetch/kept-manifests.js';
import { releasesIn } from '../release-directory.js';
import type { ReleaseStore } from '../release-store.js';
import { ReleaseRecords } from './release-records.js';

/** Records that are kept: as many as a build uses, and a few for rollbacks. */
const MAX_RECORDS = 5;

/** Removes records of old and removed releases, and manifests that no other record and none of these configurations need. */
export async function pruneRecords(store: ReleaseStore, needing: readonly AgentConfig[]): Promise<void> {
  const { paths } = store;
  const records = new ReleaseRecords(paths.records);
  const existing = new Set(releasesIn(paths.unpacked));
  const kept = records.newestFirst().filter((hash) => existing.has(hash));
  records.prune(new Set(kept.slice(0, MAX_RECORDS)));
  const layers = needing.flatMap((config) => config.layers);
  const needed = new Set(layers.flatMap(({ manifest }) => manifest ?? []));
  for (const hash of kept.slice(0, MAX_RECORDS)) {
    for (const digest of manifestsOf(records, hash)) needed.add(digest);
  }
  new KeptManifests(paths.manifests).prune(needed);
}

function manifestsOf(records: ReleaseRecords, hash: string): readonly string[] {
  try {
    return records.load(hash)?.manifests ?? [];
  } catch (error) {
    if (!isDeployError(error, 'corrupt')) throw error;
    records.remove(hash);
    return [];
  }
}
