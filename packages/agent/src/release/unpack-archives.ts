import { join } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { layerLabel } from './layer-label.js';
import { freshDirectory, makeDurable, putInPlace, type Release } from './release-directory.js';
import type { ReleaseStore } from './release-store.js';
import { removeTree } from './unpack/remove-tree.js';
import { unpackLayers } from './unpack/unpack-layers.js';
import { warnOfStripped } from './unpack/warn-of-stripped.js';

/** Unpacks a configuration's archives into a fresh directory, which gets its name only when it is complete. */
export async function unpackArchives(store: ReleaseStore, config: AgentConfig): Promise<Release> {
  const { paths, settings, log, signal } = store;
  const root = join(paths.unpacked, config.hash);
  const fresh = await freshDirectory(paths.unpacked);
  try {
    const layers = config.layers.map((layer) => ({
      archive: join(paths.cache, layer.hash),
      label: layerLabel(layer),
    }));
    const { policy, ownership } = settings;
    const request = { layers, into: fresh, policy, ownership, signal };
    const { entries, bytes, stripped, ms } = await unpackLayers(request);
    log.info({ entries, bytes, ms: Math.round(ms), root }, 'unpacked');
    warnOfStripped(log, root, stripped);
  } catch (error) {
    await removeTree(fresh);
    throw error;
  }
  await putInPlace(paths.unpacked, fresh, root);
  return { root, durable: makeDurable(paths.unpacked, root) };
}
