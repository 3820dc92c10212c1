import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { ArtifactContent } from './artifact-content.js';

/** The task of a thread: make a tar.gz of an artifact. */
export interface RepackTask {
  readonly from: string;
  /** A file that is not there yet. */
  readonly into: string;
  readonly content: Exclude<ArtifactContent, 'tar' | 'tar.gz' | 'tar.zst'>;
  /** What a single file is called in the archive. */
  readonly name: string;
  readonly policy: UnpackPolicy;
}

/** The task of a thread: make the archives of an image of its stored layers. */
export interface ImageTask {
  readonly content: 'image';
  /** Lowest first. */
  readonly from: readonly string[];
  /** An empty directory. */
  readonly into: string;
  readonly policy: UnpackPolicy;
}

/** Of the archive that was made. */
export interface Repacked {
  readonly path: string;
  /** Hex SHA-256. */
  readonly hash: string;
  readonly size: number;
}
