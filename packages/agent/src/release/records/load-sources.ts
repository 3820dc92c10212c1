import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ManifestStore } from '../fetch/manifest-store.js';
import type { DiskRelease, DiskSources } from '../plan/disk-release.js';
import { halfBuilt } from '../release-directory.js';
import type { ReleaseStore, WantedRelease } from '../release-store.js';
import { loadDiskRelease } from './load-disk-release.js';
import { ReleaseRecords } from './release-records.js';

/** Releases besides the one that runs whose files are looked at. */
const MAX_OTHERS = 2;

/**
 * Where this host may have content: the release that runs, the one of the same layers from before, the one recorded
 * last; and what an interrupted deployment left.
 */
export async function loadSources(
  store: ReleaseStore,
  manifests: ManifestStore,
  { config, before }: WantedRelease,
): Promise<DiskSources> {
  const { paths, settings, log } = store;
  const leftovers = await halfBuilt(paths.unpacked);
  if (settings.reuse === 'off') return { releases: [], unproven: leftovers };
  const records = new ReleaseRecords(paths.records);
  const recorded = records.list().filter((hash) => hash !== before?.hash && hash !== config.hash);
  const others = [config.hash, ...recorded].slice(0, MAX_OTHERS);
  const releases: DiskRelease[] = [];
  const unproven: string[] = [];
  for (const hash of before === undefined ? others : [before.hash, ...others]) {
    const root = join(paths.unpacked, hash);
    if (!existsSync(root)) continue;
    const release = loadDiskRelease({ hash, root }, { records, manifests, log });
    if (release !== undefined) releases.push(release);
    else if (hash === before?.hash || hash === config.hash) unproven.push(root);
  }
  return { releases, unproven: [...unproven, ...leftovers] };
}
