import { checkSpace } from '@deploy-tools/shared/host/free-space.js';
import { missingBytes, verifyCache } from './archive-cache.js';
import { buildFromChunks } from './build-from-chunks.js';
import { downloadArchive } from './download-archive.js';
import type { Sessions } from './fetch/sessions.js';
import type { Release } from './release-directory.js';
import type { ReleaseStore, WantedRelease } from './release-store.js';
import { unpackArchives } from './unpack-archives.js';

/**
 * Makes a release from a registry: of chunks, or of whole archives where they are the better or the only way.
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
  const cached = await verifyCache(store, config);
  const bytes = await missingBytes(store, config);
  await checkSpace(store.paths.cache, bytes, 'the download');
  store.progress.expect(bytes, 0);
  const missing = new Map(config.layers.map((layer) => [layer.hash, layer]));
  for (const [hash, layer] of missing)
    if (!cached.has(hash)) await downloadArchive(store, sessions.first, layer);
  return await unpackArchives(store, config);
}
