import type { SentError } from '@deploy-tools/shared/thread/sent-error.js';

/** What the compressing thread is started with. */
export interface CompressorStart {
  /** The spool, open. */
  readonly fd: number;
  /** Where it goes on. */
  readonly position: number;
}

/** Chunks to compress, one behind the other. The memory goes to the thread and comes back with the answer. */
export interface CompressBatch {
  readonly memory: ArrayBuffer;
  readonly lengths: readonly number[];
}

/** One answer for each batch, in order. */
export type CompressReply =
  | {
      readonly kind: 'done';
      readonly memory: ArrayBuffer;
      /** Where the first frame begins in the spool; the others follow. All are written. */
      readonly offset: number;
      readonly packedLengths: readonly number[];
    }
  | { readonly kind: 'failed'; readonly error: SentError };
