import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { ErrorKind } from '@deploy-tools/shared/errors.js';

/** Where a layer's manifest and pack lie: absolute paths. */
export interface LayerFiles {
  readonly manifest: string;
  readonly pack: string;
}

/** A file by its content. */
export interface WrittenFile {
  /** Lower-case hex SHA-256. */
  readonly hash: string;
  readonly size: number;
}

export interface IngestTask {
  /** Absolute path of the archive. */
  readonly archive: string;
  /** What its content has to be. */
  readonly hash: string;
  readonly size: number;
  /** What an entry may be; setuid, setgid and sticky bits are kept whatever it says, for agents to decide. */
  readonly policy: UnpackPolicy;
  /** Earlier packs that may have the same chunks, the likeliest first. */
  readonly reuse: readonly LayerFiles[];
  /** Files to write, on the same file system; what is there is overwritten. */
  readonly into: LayerFiles;
}

export interface Ingested {
  readonly manifest: WrittenFile;
  readonly pack: WrittenFile;
  readonly entries: number;
  /** Sum of the sizes of all files. */
  readonly bytes: number;
  /** What somebody should look at, one sentence each: an earlier pack that is damaged. */
  readonly notes: readonly string[];
}

/** What the thread answers, once, before it ends. */
export type IngestReply =
  | { readonly kind: 'done'; readonly ingested: Ingested }
  | { readonly kind: 'failed'; readonly error: PlainError };

/** A DeployError in a form that passes between threads. */
export interface PlainError {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint: string | undefined;
}
