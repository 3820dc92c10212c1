import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';

export interface LayerArchive {
  /** Absolute path of the archive. */
  readonly archive: string;
  /** The layer's name in messages: `code:v1`. */
  readonly label: string;
}

/** The owner of unpacked files: the agent's user (`self`) or the numeric owner in the archive, which takes root. */
export type Ownership = 'self' | 'archive';

export interface UnpackTask {
  readonly kind: 'unpack';
  /** In order: a later layer overwrites an earlier one. */
  readonly layers: readonly LayerArchive[];
  /** Absolute path of an empty directory that nobody else uses. */
  readonly into: string;
  readonly policy: UnpackPolicy;
  readonly ownership: Ownership;
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

/** A task of the worker thread. The path of a removal need not exist. */
export type TreeTask = UnpackTask | CopyTask | { readonly kind: 'remove'; readonly path: string };

export interface TreeCounts {
  readonly entries: number;
  /** Of file contents. */
  readonly bytes: number;
  /** Entries that lost setuid, setgid or sticky bits. */
  readonly stripped: number;
}
