import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import type { EntryTime, ManifestEntry } from '@deploy-tools/shared/layers/manifest.js';
import type { StoredChunk } from './stored-chunk.js';

/** An entry of a layer with its time, and chunks whose bytes are at hand. */
export interface LayerEntry extends ManifestEntry, EntryTime {
  readonly chunks: readonly StoredChunk[];
}

/**
 * What a manifest keeps of an archive's entry. A hard link has no mode, owner or time of its own, whatever the archive
 * says.
 */
export function layerEntryOf(entry: SafeEntry, chunks: readonly StoredChunk[]): LayerEntry {
  const own = entry.type !== 'hardlink';
  return {
    type: entry.type,
    path: entry.path,
    mode: own ? entry.mode : 0,
    uid: own ? entry.uid : 0,
    gid: own ? entry.gid : 0,
    size: entry.size,
    chunks,
    target: entry.linkTarget,
    deviceMajor: entry.deviceMajor,
    deviceMinor: entry.deviceMinor,
    seconds: own ? entry.mtimeSeconds : 0,
    nanoseconds: own ? entry.mtimeNanoseconds : 0,
  };
}
