import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { StoredBlob } from '@deploy-tools/shared/model.js';

/** Absolute paths of a layer's manifest and pack. */
export interface LayerFiles {
  readonly manifest: string;
  readonly pack: string;
}

export interface IngestTask {
  /** Absolute path of the archive. */
  readonly archive: string;
  /** The hash and size that the archive has to have. */
  readonly hash: string;
  readonly size: number;
  /** The rules for entries. Setuid, setgid and sticky bits are kept in any case: agents decide on them. */
  readonly policy: UnpackPolicy;
  /** Earlier packs that may have the same chunks, the likeliest first. */
  readonly reuse: readonly LayerFiles[];
  /** Files to write, on the same file system; existing ones are overwritten. */
  readonly into: LayerFiles;
}

export interface Ingested {
  readonly manifest: StoredBlob;
  readonly pack: StoredBlob;
  readonly entries: number;
  /** Sum of the sizes of all files. */
  readonly bytes: number;
  /** Warnings for operators, a sentence each, such as that an earlier pack is damaged. */
  readonly notes: readonly string[];
}

/** A verified manifest and its pack, and the archive that they name, which is not verified. */
export interface VerifiedLayer {
  readonly manifest: StoredBlob;
  readonly pack: StoredBlob;
  readonly archive: StoredBlob;
  readonly entries: number;
  /** Sum of the sizes of all files. */
  readonly bytes: number;
  /** zstd's version number. */
  readonly compressor: number;
}
