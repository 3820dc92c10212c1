import { createHash } from 'node:crypto';

/** One immutable version of a component: a name for one archive. */
export interface ComponentVersion {
  readonly component: string;
  readonly version: string;
  /** Hex SHA-256 of the archive. */
  readonly hash: string;
  /** Bytes of the archive. */
  readonly size: number;
  /** RFC 3339 UTC. */
  readonly created: string;
}

/** A file by its content. */
export interface StoredBlob {
  /** Lower-case hex SHA-256. */
  readonly hash: string;
  readonly size: number;
}

/** A reference to a component version, as an operator writes it: `code:v1`. */
export interface LayerRef {
  readonly component: string;
  readonly version: string;
}

/** A configuration at one revision. */
export interface Configuration {
  readonly name: string;
  /** From 1, grows by one with each change, never used twice for one name. */
  readonly revision: number;
  /** RFC 3339 UTC time of the change that made this revision. */
  readonly mtime: string;
  /** See {@link configurationHash}. */
  readonly hash: string;
  /** In unpacking order: a later layer overwrites an earlier one. */
  readonly layers: readonly ComponentVersion[];
}

/** Hex SHA-256 over each layer's archive hash followed by a newline, in layer order. Defined by the Go deploy-tools. */
export function configurationHash(archiveHashes: readonly string[]): string {
  const hash = createHash('sha256');
  for (const archiveHash of archiveHashes) hash.update(`${archiveHash}\n`);
  return hash.digest('hex');
}
