import type { TarEntry } from '@deploy-tools/shared/archive/tar-entry.js';
import type { EntryTime, ManifestEntry, ManifestRoot } from '@deploy-tools/shared/layers/manifest.js';

/** The verified manifest of a layer. */
export interface LayerManifest {
  /** SHA-256 of the root. */
  readonly digest: string;
  readonly root: ManifestRoot;
  readonly entries: readonly ManifestEntry[];
  /** One for each entry. */
  readonly times: readonly EntryTime[];
}

/** A layer of the release to be built. */
export interface ReleaseLayer {
  /** Its name in messages: `code:v1`. */
  readonly label: string;
  readonly manifest: LayerManifest;
}

/** The tar entry of a manifest's entry. */
export function tarEntryOf(entry: ManifestEntry, time: EntryTime): TarEntry {
  return {
    type: entry.type,
    // As archives name their root.
    name: entry.path === '' ? '.' : entry.path,
    linkName: entry.target,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    size: entry.size,
    mtimeSeconds: time.seconds,
    mtimeNanoseconds: time.nanoseconds,
    deviceMajor: entry.deviceMajor,
    deviceMinor: entry.deviceMinor,
  };
}
