import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';
import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import type { SentError } from '@deploy-tools/shared/thread/sent-error.js';
import type { ChunkSource } from '../plan/content-index.js';
import type { Attributes } from '../unpack/attributes.js';
import type { Ownership } from '../unpack/tree-task.js';
import type { AttributeColumns } from './attribute-columns.js';

/** How a file that is proven unchanged is taken over. */
export type ReuseMethod = 'reflink' | 'hardlink' | 'copy';

/** What all tasks of a release have in common; sent to every thread first, and not answered. */
export interface AssembleSetup {
  readonly kind: 'setup';
  /** Absolute path of the directory that is filled. */
  readonly into: string;
  readonly ownership: Ownership;
  readonly reuse: ReuseMethod;
  /** Absolute paths of the directories that content is taken from; sources name them by number. */
  readonly roots: readonly string[];
  /** Directories that no entry describes: they get the mode that the umask leaves. */
  readonly implicit: readonly ByteName[];
}

/** A file to be made. */
export interface FileJob extends Attributes {
  readonly path: ByteName;
}

/** Files to be taken over whole. */
export interface CopyJobs {
  /** Where they are made. */
  readonly paths: readonly ByteName[];
  /** Where they are: which root, and the path below it, empty where it is the same as the one above. */
  readonly roots: Uint32Array;
  readonly from: readonly ByteName[];
  /** Rows as in DiskRelease. */
  readonly stamps: BigInt64Array;
  readonly attributes: AttributeColumns;
}

/** Directories that get their attributes. */
export interface DirectoryJobs {
  readonly paths: readonly ByteName[];
  readonly attributes: AttributeColumns;
}

/** One of them. */
export interface CopyJob extends FileJob {
  readonly root: number;
  readonly from: ByteName;
}

export interface PieceJob {
  /** In the file to be made. */
  readonly offset: number;
  readonly length: number;
  readonly digest: string;
  readonly sources: readonly ChunkSource[];
}

/** A file to be made of chunks that may be on disk. */
export interface AssembleJob extends FileJob {
  readonly pieces: readonly PieceJob[];
  /** Whether these are all its chunks: then it is finished when all of them are found. */
  readonly whole: boolean;
}

/** Where a fetched chunk goes: it is a whole file, or a part of one that is finished later. */
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
  /** Symlinks, empty files, FIFOs and devices; and directories, whose attributes have to wait. */
  | { readonly kind: 'make'; readonly entries: readonly SafeEntry[] }
  | { readonly kind: 'copy'; readonly jobs: CopyJobs }
  | { readonly kind: 'assemble'; readonly jobs: readonly AssembleJob[] }
  /** The buffer is transferred, and comes back with the reply. */
  | { readonly kind: 'write'; readonly buffer: ArrayBuffer; readonly jobs: readonly WriteJob[] }
  | {
      readonly kind: 'finish';
      /** Files that were written in parts. */
      readonly files: readonly FileJob[];
      readonly links: readonly { readonly path: ByteName; readonly existing: ByteName }[];
    }
  /** When nothing is made in them any more. In their order. */
  | { readonly kind: 'close'; readonly jobs: DirectoryJobs }
  /** To be asked of a complete release. */
  | { readonly kind: 'stamp'; readonly root: string; readonly paths: readonly ByteName[] };

/** What a thread answers, in the order of its tasks. */
export type AssembleReply =
  | { readonly kind: 'failed'; readonly error: SentError; readonly buffer?: ArrayBuffer }
  | { readonly kind: 'made' }
  /** Rows whose file is not as it was. */
  | { readonly kind: 'copied'; readonly stale: readonly number[] }
  /** For each job, the numbers of its pieces that were not found. */
  | { readonly kind: 'assembled'; readonly missing: readonly (readonly number[])[] }
  | { readonly kind: 'written'; readonly buffer: ArrayBuffer }
  | { readonly kind: 'finished' }
  /** When that was done, by the clock of the file system: nanoseconds since 1970. */
  | { readonly kind: 'closed'; readonly at: bigint }
  /** A row for each path, zeros for what is not a file. */
  | { readonly kind: 'stamped'; readonly stamps: BigInt64Array };
