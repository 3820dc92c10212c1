import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';
import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import type { SentError } from '@deploy-tools/shared/thread/sent-error.js';
import type { ChunkSource } from '../plan/content-index.js';
import type { Attributes } from '../unpack/attributes.js';
import type { Ownership } from '../unpack/tree-task.js';
import type { AttributeColumns } from './attribute-columns.js';

/** How an unchanged file is reused. */
export type ReuseMethod = 'reflink' | 'hardlink' | 'copy';

/** The settings of all tasks of a release, sent to every thread first, without an answer. */
export interface AssembleSetup {
  readonly kind: 'setup';
  /** Absolute path of the directory that is filled. */
  readonly into: string;
  readonly ownership: Ownership;
  readonly reuse: ReuseMethod;
  /** Absolute paths of directories with content to reuse; sources refer to them by number. */
  readonly roots: readonly string[];
  /** Directories without an entry, whose mode depends on the umask. */
  readonly implicit: readonly ByteName[];
}

export interface FileJob extends Attributes {
  readonly path: ByteName;
}

/** Files to reuse whole. */
export interface CopyJobs {
  /** The new paths. */
  readonly paths: readonly ByteName[];
  /** The old places: the number of the root, and the path in it, empty where it is the new one. */
  readonly roots: Uint32Array;
  readonly from: readonly ByteName[];
  /** Rows as in DiskRelease. */
  readonly stamps: BigInt64Array;
  readonly attributes: AttributeColumns;
}

export interface DirectoryJobs {
  readonly paths: readonly ByteName[];
  readonly attributes: AttributeColumns;
}

/** One row of {@link CopyJobs}. */
export interface CopyJob extends FileJob {
  readonly root: number;
  readonly from: ByteName;
}

export interface PieceJob {
  /** In the new file. */
  readonly offset: number;
  readonly length: number;
  readonly digest: string;
  readonly sources: readonly ChunkSource[];
}

/** A file to make of chunks that may be on disk. */
export interface AssembleJob extends FileJob {
  readonly pieces: readonly PieceJob[];
  /** Whether these are all its chunks, so that the file is complete when all are found. */
  readonly whole: boolean;
}

/** The place of a fetched chunk: a whole file, or a part of one that is finished later. */
export type WriteTarget = { readonly whole: FileJob } | { readonly path: ByteName; readonly offset: number };

export interface WriteJob {
  readonly digest: string;
  /** Where its frame begins in the buffer. */
  readonly at: number;
  readonly packedLength: number;
  readonly length: number;
  readonly targets: readonly WriteTarget[];
}

export type AssembleTask =
  /** Makes symlinks, empty files, FIFOs, devices, and directories without their attributes. */
  | { readonly kind: 'make'; readonly entries: readonly SafeEntry[] }
  | { readonly kind: 'copy'; readonly jobs: CopyJobs }
  | { readonly kind: 'assemble'; readonly jobs: readonly AssembleJob[] }
  /** Transfers the buffer, which the reply returns. */
  | { readonly kind: 'write'; readonly buffer: ArrayBuffer; readonly jobs: readonly WriteJob[] }
  | {
      readonly kind: 'finish';
      /** Files that were written in parts. */
      readonly files: readonly FileJob[];
      readonly links: readonly { readonly path: ByteName; readonly existing: ByteName }[];
    }
  /** Sets the attributes of complete directories in order. */
  | { readonly kind: 'close'; readonly jobs: DirectoryJobs }
  /** Reads the stamps of a complete release. */
  | { readonly kind: 'stamp'; readonly root: string; readonly paths: readonly ByteName[] };

/** The answer to a successful task of each kind. */
export interface AssembleAnswers {
  readonly make: undefined;
  /** Rows of changed files. */
  readonly copy: readonly number[];
  /** For each job, the numbers of its pieces that were not found. */
  readonly assemble: readonly (readonly number[])[];
  /** The task's buffer. */
  readonly write: ArrayBuffer;
  readonly finish: undefined;
  /** The time by the clock of the file system, in nanoseconds since 1970. */
  readonly close: bigint;
  /** A row for each path, zeros for anything but a file. */
  readonly stamp: BigInt64Array;
}

/** A thread's reply, in the order of its tasks. */
export type AssembleReply =
  | { readonly answer: AssembleAnswers[keyof AssembleAnswers] }
  | { readonly error: SentError };
