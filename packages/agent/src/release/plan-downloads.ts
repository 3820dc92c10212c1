import type { AgentConfig, ConfigLayer } from '@deploy-tools/shared/config-json.js';

/** What has to be done to have a configuration's archives. */
export interface DownloadPlan {
  /** Layers whose archive is not in the cache; each archive once. */
  readonly download: readonly ConfigLayer[];
  /** Bytes to fetch, as far as the registry sends sizes, without what is there of partial downloads. */
  readonly downloadBytes: number;
}

/**
 * Pure: decides from the configuration and what the cache holds.
 * @param cached hashes of whole archives.
 * @param partial bytes that are there of archives that are not whole.
 */
export function planDownloads(
  config: AgentConfig,
  cached: ReadonlySet<string>,
  partial: ReadonlyMap<string, number>,
): DownloadPlan {
  const download = new Map<string, ConfigLayer>();
  for (const layer of config.layers) {
    if (!cached.has(layer.hash)) download.set(layer.hash, layer);
  }
  let downloadBytes = 0;
  for (const { hash, size } of download.values())
    downloadBytes += Math.max(0, (size ?? 0) - (partial.get(hash) ?? 0));
  return { download: [...download.values()], downloadBytes };
}
