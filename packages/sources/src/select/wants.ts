import type { Platform } from './platform.js';

/** The wanted release of a source, and the wanted artifacts of it. */
export interface Wants {
  /**
   * `files`: one file of the newest version. `image`: all layers of the newest version. `given`: the release that the
   * source itself decides on (dewy's gRPC service).
   */
  readonly choice: 'files' | 'image' | 'given';
  /** The artifact's exact name; undefined to find it by the platform. */
  readonly artifact: string | undefined;
  readonly preRelease: boolean;
  /** Calendar versions of this format, such as `YYYY.0M.MICRO`; undefined for semantic versions. */
  readonly calver: string | undefined;
  /** A range of semantic versions in npm's syntax: `^1.2`. */
  readonly constraint: string | undefined;
  /** The build metadata that a version must have: `blue` of `1.2.3+blue`; undefined for any or none. */
  readonly slot: string | undefined;
  readonly platform: Platform;
  /** Whether a release without a file of checksums is not complete. */
  readonly checksum: 'when-present' | 'required';
}
