import type { ChunkRef, EntryTime, ManifestEntry } from '@deploy-tools/shared/layers/manifest.js';

/** A chunk whose frame can be read. */
export interface StoredChunk extends ChunkRef {
  /** An open file: the spool, or an earlier pack. */
  readonly fd: number;
  /** The place of the frame in the file. */
  readonly offset: number;
}

/** A chunk that is not in the spool yet: its place and packed length are set later. */
export type SpooledChunk = { -readonly [Field in keyof StoredChunk]: StoredChunk[Field] };

/** An entry of a layer with its time and its stored chunks. */
export interface LayerEntry extends ManifestEntry, EntryTime {
  readonly chunks: readonly StoredChunk[];
}
