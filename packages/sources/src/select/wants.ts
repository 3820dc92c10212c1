import type { Platform } from './platform.js';

/** Which release of a source is wanted, and what of it. */
export interface Wants {
  /**
   * `files`: the newest version, one file of it. `image`: the newest version, all its layers. `given`: the source has
   * decided by itself (dewy's gRPC service), and what it lists is taken as it is.
   */
  readonly choice: 'files' | 'image' | 'given';
  /** The artifact's exact name; undefined to find it by the platform. */
  readonly artifact: string | undefined;
  readonly preRelease: boolean;
  /** Calendar versions of this format, such as `YYYY.0M.MICRO`; undefined for semantic versions. */
  readonly calver: string | undefined;
  /** A range of semantic versions as npm writes it: `^1.2`. */
  readonly constraint: string | undefined;
  /** The build metadata that a version must have: `blue` of `1.2.3+blue`; undefined for any or none. */
  readonly slot: string | undefined;
  readonly platform: Platform;
  /** Whether a release without a file of checksums is not complete. */
  readonly checksum: 'when-present' | 'required';
}
