import { EntryPolicy, type SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { ChunkRef } from '@deploy-tools/shared/layers/manifest.js';
import { layerError } from '../layer-label.js';
import { type LayerManifest, type ReleaseLayer, tarEntryOf } from './layer-manifest.js';
import { type ReleaseTree, TreeLayer } from './release-tree.js';

export interface LaidRelease extends ReleaseTree {
  /** Entries that lost setuid, setgid or sticky bits. */
  readonly stripped: number;
}

/**
 * Lays out the tree that unpacking the layers in order would leave. It refuses the entries that unpacking would refuse, before
 * anything is fetched or written. Pure.
 * @throws DeployError unsafe, too-large, invalid: names the layer and the entry.
 */
export function layRelease(layers: readonly ReleaseLayer[], policy: UnpackPolicy): LaidRelease {
  const entryPolicy = new EntryPolicy(policy);
  const tree = new TreeLayer();
  for (const [number, layer] of layers.entries()) {
    try {
      layLayer(layer.manifest, entryPolicy, (entry, index, chunks) =>
        tree.lay(entry, { layer: number, index }, chunks),
      );
    } catch (error) {
      throw layerError(layer.label, error);
    }
  }
  return { ...tree.tree(), stripped: entryPolicy.stripped };
}

/** Counts the contents of files against the bounds on bytes; unpacking counts an archive's headers too. */
function layLayer(
  { entries, times, root }: LayerManifest,
  policy: EntryPolicy,
  lay: (entry: SafeEntry, index: number, chunks: readonly ChunkRef[]) => void,
): void {
  let decompressed = 0;
  for (const [index, entry] of entries.entries()) {
    const time = times[index];
    if (time === undefined) continue; // a manifest has one for each
    const safe = policy.admit(tarEntryOf(entry, time));
    decompressed += entry.size;
    policy.countBytes(entry.size, { decompressed, compressed: root.archive.size });
    lay(safe, index, entry.chunks);
  }
}
