import { join } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { layerLabel } from './layer-label.js';
import { freshDirectory, makeDurable, putInPlace, type Release } from './release-directory.js';
import type { ReleaseStore } from './release-store.js';
import { removeTree, unpackLayers } from './unpack/run-tree-task.js';

/** Unpacks a configuration's archives into a fresh directory, which gets the release's name when it is complete. */
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
    const began = performance.now();
    const { entries, bytes, stripped } = await unpackLayers(
      { layers, into: fresh, policy, ownership },
      signal,
    );
    log.info({ entries, bytes, ms: Math.round(performance.now() - began), root }, 'unpacked');
    warnOfStripped(log, root, stripped);
  } catch (error) {
    await removeTree(fresh);
    throw error;
  }
  await putInPlace(paths.unpacked, fresh, root);
  return { root, durable: makeDurable(paths.unpacked, root) };
}

/** Warns once for a release: a program that relies on setuid would fail in ways that point nowhere near unpacking. */
export function warnOfStripped(log: Logger, root: string, stripped: number): void {
  if (stripped === 0) return;
  log.warn(
    { root, entries: stripped },
    'setuid, setgid and sticky bits of the archives were left out; -allow setid keeps them',
  );
}
