import type { ChunkRef } from '@deploy-tools/shared/layers/manifest.js';

/** A chunk whose frame can be read. */
export interface StoredChunk extends ChunkRef {
  /** An open file: the spool, or an earlier pack. */
  readonly fd: number;
  /** Where in it the frame begins. */
  readonly offset: number;
}

/** A chunk that is on its way into the spool: its place and packed length are set later. */
export type SpooledChunk = { -readonly [Field in keyof StoredChunk]: StoredChunk[Field] };
