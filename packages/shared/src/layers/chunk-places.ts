import { DeployError } from '../errors.js';
import type { ManifestEntry, ManifestRoot } from './manifest.js';

/** The place of a chunk in a pack. */
export interface ChunkPlace {
  readonly offset: number;
  readonly length: number;
  readonly packedLength: number;
}

/**
 * The place of each chunk of a layer, by digest, in the order of the pack.
 * @param entries of the whole layer, in order.
 * @throws DeployError corrupt, when the entries do not belong to this root: other totals, or one digest with two lengths.
 */
export function chunkPlaces(root: ManifestRoot, entries: readonly ManifestEntry[]): Map<string, ChunkPlace> {
  const places = new Map<string, ChunkPlace>();
  let offset = root.contentOffset;
  let bytes = 0;
  for (const entry of entries) {
    bytes += entry.size;
    for (const { digest, length, packedLength } of entry.chunks) {
      const met = places.get(digest);
      if (met === undefined) {
        places.set(digest, { offset, length, packedLength });
        offset += packedLength;
      } else if (met.length !== length || met.packedLength !== packedLength) {
        throw corrupt(`chunk ${digest} has two lengths`);
      }
    }
  }
  if (entries.length !== root.entries) throw corrupt(`${entries.length} entries of ${root.entries}`);
  if (bytes !== root.contentBytes) throw corrupt(`files of ${bytes} bytes instead of ${root.contentBytes}`);
  if (offset !== root.pack.size) throw corrupt(`its chunks end at ${offset}, its pack at ${root.pack.size}`);
  return places;
}

function corrupt(why: string): DeployError {
  return new DeployError('corrupt', `the manifest is damaged: ${why}`);
}
