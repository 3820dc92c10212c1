import { DeployError, describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import { decodeEntrySegment } from '@deploy-tools/shared/layers/entry-segment.js';
import type { EntryTime, ManifestEntry } from '@deploy-tools/shared/layers/manifest.js';
import { decodeTimeSegment } from '@deploy-tools/shared/layers/time-segment.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { LayerManifest } from '../plan/layer-manifest.js';
import type { FetchedManifest } from './fetch-manifest.js';
import { type KeptManifest, KeptManifests, segmentsOf } from './kept-manifests.js';

/** The manifests on this host. A deployment reads each file, and decodes each shared segment, once. */
export class ManifestStore {
  readonly #kept: KeptManifests;
  readonly #log: Logger;
  readonly #read = new Map<string, KeptManifest | undefined>();
  /** Decoded segments by digest. */
  readonly #entries = new Map<string, readonly ManifestEntry[]>();

  constructor(dir: string, log: Logger) {
    this.#kept = new KeptManifests(dir);
    this.#log = log;
  }

  /** @returns undefined when it is not here. @throws DeployError corrupt when it cannot be decoded. */
  manifest(digest: string): LayerManifest | undefined {
    const kept = this.#get(digest);
    return kept === undefined ? undefined : this.#decode(kept);
  }

  entries(digest: string): ManifestEntry[] | undefined {
    const kept = this.#get(digest);
    return kept === undefined ? undefined : this.#decodeEntries(kept);
  }

  /** Every segment of every manifest here, by digest. */
  segments(): ReadonlyMap<string, Buffer> {
    const segments = new Map<string, Buffer>();
    for (const digest of this.#kept.list()) {
      for (const [segment, bytes] of this.#get(digest)?.segments ?? []) segments.set(segment, bytes);
    }
    return segments;
  }

  /** Writes a manifest to the disk for later deployments. @throws DeployError corrupt. */
  add(manifest: FetchedManifest): LayerManifest {
    const decoded = this.#decode(manifest);
    const segments = segmentsOf(manifest.root).map(({ digest }) => bytesOf(manifest, digest));
    this.#kept.write(manifest.digest, manifest.bytes, segments);
    return decoded;
  }

  #get(digest: string): KeptManifest | undefined {
    if (this.#read.has(digest)) return this.#read.get(digest);
    const kept = this.#readSound(digest);
    this.#read.set(digest, kept);
    return kept;
  }

  #readSound(digest: string): KeptManifest | undefined {
    try {
      return this.#kept.load(digest);
    } catch (error) {
      if (!isDeployError(error, 'corrupt') && !isDeployError(error, 'unsupported')) throw error;
      this.#log.warn(`${describeError(error)}; it is fetched anew`);
      this.#kept.remove(digest);
      return undefined;
    }
  }

  #decode(kept: KeptManifest): LayerManifest {
    const { digest, root } = kept;
    const times: EntryTime[] = [];
    for (const segment of root.timeSegments) {
      const bytes = bytesOf(kept, segment.digest);
      for (const time of decodeTimeSegment(bytes, segment.entries)) times.push(time);
    }
    return { digest, root, entries: this.#decodeEntries(kept), times };
  }

  #decodeEntries(kept: KeptManifest): ManifestEntry[] {
    const entries: ManifestEntry[] = [];
    for (const { digest, entries: count } of kept.root.entrySegments) {
      const segment = this.#entries.get(digest) ?? decodeEntrySegment(bytesOf(kept, digest));
      this.#entries.set(digest, segment);
      if (segment.length !== count)
        throw new DeployError('corrupt', `a manifest's segment has ${segment.length} entries, not ${count}`);
      for (const entry of segment) entries.push(entry);
    }
    return entries;
  }
}

function bytesOf({ segments }: KeptManifest, digest: string): Buffer {
  const bytes = segments.get(digest);
  if (bytes === undefined) throw new DeployError('internal', `segment ${digest} was not fetched`);
  return bytes;
}
