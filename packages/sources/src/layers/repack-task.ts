import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { ArtifactContent } from './artifact-content.js';

/** An artifact to be made a tar.gz, as a thread is told of it. */
export interface RepackTask {
  readonly from: string;
  /** A file that is not there yet. */
  readonly into: string;
  readonly content: Exclude<ArtifactContent, 'tar' | 'tar.gz' | 'tar.zst'>;
  /** What a single file is called in the archive. */
  readonly name: string;
  readonly policy: UnpackPolicy;
}

/** The stored layers of an image to be made its archives, as a thread is told of them. */
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
