import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { ManifestEntry } from '@deploy-tools/shared/layers/manifest.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { LayerManifest } from '../plan/layer-manifest.js';
import type { FetchedManifest } from './fetch-manifest.js';
import { type KeptManifest, KeptManifests, segmentsOf } from './kept-manifests.js';
import { SegmentDecoder } from './segment-decoder.js';

/** The manifests that this host has, each read once for a deployment. */
export class ManifestStore {
  readonly #kept: KeptManifests;
  readonly #log: Logger;
  readonly #read = new Map<string, KeptManifest | undefined>();
  readonly #decoder = new SegmentDecoder();

  constructor(dir: string, log: Logger) {
    this.#kept = new KeptManifests(dir);
    this.#log = log;
  }

  /** Undefined when it is not here. @throws DeployError corrupt, when what it says makes no sense. */
  manifest(digest: string): LayerManifest | undefined {
    const kept = this.#get(digest);
    return kept === undefined ? undefined : this.#decoder.decode(kept);
  }

  entries(digest: string): ManifestEntry[] | undefined {
    const kept = this.#get(digest);
    return kept === undefined ? undefined : this.#decoder.entries(kept);
  }

  /** Every segment of every manifest here, by digest. */
  segments(): ReadonlyMap<string, Buffer> {
    const segments = new Map<string, Buffer>();
    for (const digest of this.#kept.list()) {
      for (const [segment, bytes] of this.#get(digest)?.segments ?? []) segments.set(segment, bytes);
    }
    return segments;
  }

  /** Keeps a manifest for the next time. */
  add(manifest: FetchedManifest): LayerManifest {
    const decoded = this.#decoder.decode(manifest);
    const segments = segmentsOf(manifest.root).map(
      ({ digest }) => manifest.segments.get(digest) ?? Buffer.of(),
    );
    this.#kept.write(manifest.digest, manifest.bytes, segments);
    return decoded;
  }

  prune(needed: ReadonlySet<string>): void {
    this.#kept.prune(needed);
  }

  #get(digest: string): KeptManifest | undefined {
    if (this.#read.has(digest)) return this.#read.get(digest);
    const kept = this.#readSound(digest);
    this.#read.set(digest, kept);
    return kept;
  }

  #readSound(digest: string): KeptManifest | undefined {
    try {
      return this.#kept.read(digest);
    } catch (error) {
      if (!isDeployError(error, 'corrupt') && !isDeployError(error, 'unsupported')) throw error;
      this.#log.warn(`${describeError(error)}; it is fetched anew`);
      this.#kept.remove(digest);
      return undefined;
    }
  }
}
