import type { HistoryBounds } from './fleet/history-bounds.js';

/** The limits that the operator's flags set; each rule takes the limits that it enforces. */
export interface RegistryLimits {
  /** Newest versions of a component that housekeeping keeps, besides those in use. */
  readonly keepVersions: number;
  /** How long an upload can be named by its hash, in milliseconds. */
  readonly uploadTtlMs: number;
  /** The largest upload, in bytes. */
  readonly maxUpload: number;
  /** Bytes that uploads must leave free on the disk. */
  readonly minFree: number;
  /** How long the audit log is kept, in milliseconds. */
  readonly auditKeepMs: number;
  /** How long the deploys of hosts are kept, in milliseconds. */
  readonly historyKeepMs: number;
  readonly historySize: HistoryBounds;
  /** Directories of the registry's host below which tracks may follow directories; absolute. */
  readonly trackFiles: readonly string[];
  /** Whether versions may also be made of archives that the indexer refused. */
  readonly unchecked: boolean;
}
