import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { StoredBlob } from '../meta/meta-store.js';

/** One archive to be read through. All paths are absolute and of this host. */
export interface IngestRequest {
  readonly archive: string;
  /** Of the archive. */
  readonly hash: string;
  readonly size: number;
  /** Where to write the manifest and the pack. */
  readonly manifest: string;
  readonly pack: string;
  readonly policy: UnpackPolicy;
  /** Of other archives: what the pack shares with theirs need not be compressed again. */
  readonly reuse: readonly { readonly manifest: string; readonly pack: string }[];
  readonly signal: AbortSignal;
}

export interface Ingested {
  readonly manifest: StoredBlob;
  readonly pack: StoredBlob;
  readonly entries: number;
  readonly bytes: number;
  readonly ms: number;
}

/**
 * Reads an archive through, outside of the event loop, and writes its manifest and its pack, durably. Leaves nothing
 * when it fails.
 * @throws DeployError invalid, corrupt, unsafe, too-large: the archive is refused; cancelled, no-space, not-found.
 */
export type Ingest = (request: IngestRequest) => Promise<Ingested>;
