import type { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import type { AgentConfig, ConfigLayer } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { layerError, layerLabel } from '../layer-label.js';
import type { LayerManifest, ReleaseLayer } from '../plan/layer-manifest.js';
import { fetchManifest } from './fetch-manifest.js';
import type { ManifestStore } from './manifest-store.js';
import type { PackFiles } from './pack-files.js';

interface ManifestSource {
  readonly sftp: SftpClient;
  readonly packs: PackFiles;
  readonly manifests: ManifestStore;
  readonly log: Logger;
}

/** Manifests that are fetched at once: each needs an open file and a few MiB in flight. */
const AT_ONCE = 8;

/**
 * Loads the manifests of a configuration's layers from this host, or fetches and keeps them.
 * @returns undefined when a layer has none.
 * @throws DeployError not-found, unsupported, corrupt: the archives will do instead; connect.
 */
export async function loadManifests(
  source: ManifestSource,
  config: AgentConfig,
): Promise<ReleaseLayer[] | undefined> {
  const bare = config.layers.find((layer) => layer.manifest === undefined);
  if (bare !== undefined) {
    source.log.info(
      { layer: layerLabel(bare) },
      'the registry has no manifest of this layer, using whole archives',
    );
    return undefined;
  }
  const layers: ReleaseLayer[] = [];
  for (let at = 0; at < config.layers.length; at += AT_ONCE) {
    const some = config.layers.slice(at, at + AT_ONCE);
    layers.push(...(await Promise.all(some.map((layer) => loadLayer(source, layer)))));
  }
  return layers;
}

async function loadLayer(source: ManifestSource, layer: ConfigLayer): Promise<ReleaseLayer> {
  const label = layerLabel(layer);
  try {
    const manifest = await loadManifest(source, layer.manifest ?? '', label);
    if (manifest.root.archive.hash !== layer.hash) {
      throw new DeployError('corrupt', `the manifest ${layer.manifest} belongs to another archive`);
    }
    return { label, manifest };
  } catch (error) {
    throw layerError(label, error);
  }
}

async function loadManifest(source: ManifestSource, digest: string, label: string): Promise<LayerManifest> {
  const { manifests, log } = source;
  const kept = manifests.manifest(digest);
  if (kept !== undefined) return kept;
  const begun = performance.now();
  const fetched = await fetchManifest(source, digest, () => manifests.segments());
  const manifest = manifests.add(fetched);
  const ms = Math.round(performance.now() - begun);
  log.debug(
    { layer: label, bytes: fetched.fetched, entries: manifest.entries.length, ms },
    'manifest fetched',
  );
  return manifest;
}
