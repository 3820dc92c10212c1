import { checkSpace } from '@deploy-tools/shared/host/free-space.js';
import { readCache } from './archive-cache.js';
import { buildFromChunks } from './build-from-chunks.js';
import { downloadArchive } from './download-archive.js';
import type { Sessions } from './fetch/sessions.js';
import { planDownloads } from './plan-downloads.js';
import type { Release } from './release-directory.js';
import type { ReleaseStore, WantedRelease } from './release-store.js';
import { unpackArchives } from './unpack-archives.js';

/**
 * Makes a release from a registry: of chunks, or of whole archives where that is the better or the only way.
 * @throws DeployError as {@link buildFromChunks}, {@link downloadArchive} and {@link unpackArchives}; AbortError.
 */
export async function makeRelease(
  store: ReleaseStore,
  sessions: Sessions,
  wanted: WantedRelease,
): Promise<Release> {
  const built = await buildFromChunks(store, sessions, wanted);
  if (built !== undefined) return built;
  const { config } = wanted;
  const { whole, partial } = await readCache(store, config);
  const { download, downloadBytes } = planDownloads(config, whole, partial);
  await checkSpace(store.paths.cache, downloadBytes, 'the download');
  store.progress.expect(downloadBytes, 0);
  for (const layer of download) await downloadArchive(store, sessions.first, layer);
  return await unpackArchives(store, config);
}
