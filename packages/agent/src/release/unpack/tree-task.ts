import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';

/** One archive of a release. */
export interface LayerArchive {
  /** Absolute path of the archive. */
  readonly archive: string;
  /** How messages name the layer: `code:v1`. */
  readonly label: string;
}

/**
 * Who owns what is unpacked: `self` the agent's user, `archive` the numeric owner in the archive, which takes root.
 */
export type Ownership = 'self' | 'archive';

export interface UnpackTask {
  readonly kind: 'unpack';
  /** In order: a later layer overwrites an earlier one. */
  readonly layers: readonly LayerArchive[];
  /** Absolute path of an empty directory. */
  readonly into: string;
  readonly policy: UnpackPolicy;
  readonly ownership: Ownership;
}

export interface RemoveTask {
  readonly kind: 'remove';
  /** Absolute path; need not exist. */
  readonly path: string;
}

export interface CopyTask {
  readonly kind: 'copy';
  /** Absolute path of a directory. */
  readonly from: string;
  /** Absolute path of an empty directory that nobody else can write to. */
  readonly to: string;
  /** Permission bits that `to` has in the end. */
  readonly rootMode: number;
}

/** What the worker thread can do. */
export type TreeTask = UnpackTask | RemoveTask | CopyTask;

/** What was done. */
export interface TreeCounts {
  readonly entries: number;
  /** Of file contents. */
  readonly bytes: number;
  /** Entries of which setuid, setgid or sticky bits were left out. */
  readonly stripped: number;
}
