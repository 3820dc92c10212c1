import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import type { EntrySink } from '@deploy-tools/shared/archive/read-archive.js';
import { ContentChunker } from '@deploy-tools/shared/layers/content-chunker.js';
import type { ChunkStore } from './chunk-store.js';
import { type LayerEntry, layerEntryOf } from './layer-entry.js';
import type { StoredChunk } from './stored-chunk.js';

const NO_CHUNKS: readonly StoredChunk[] = [];

/** Collects the entries of an archive and stores what they contain. */
export class LayerReader implements EntrySink {
  /** In the order of the archive. */
  readonly entries: LayerEntry[] = [];
  /** Sum of the sizes of all files. */
  bytes = 0;
  readonly #store: ChunkStore;
  readonly #chunker: ContentChunker;
  #chunks: StoredChunk[] = [];

  constructor(store: ChunkStore) {
    this.#store = store;
    this.#chunker = new ContentChunker((chunk) => {
      this.#chunks.push(store.put(chunk));
    });
  }

  entry(entry: SafeEntry): void {
    this.#chunks = [];
    this.entries.push(layerEntryOf(entry, entry.size > 0 ? this.#chunks : NO_CHUNKS));
    this.#chunker.begin(entry.size);
    this.bytes += entry.size;
  }

  data(chunk: Uint8Array): void {
    this.#chunker.write(chunk);
  }

  entryEnd(): void {}

  drained(): Promise<void> | undefined {
    return this.#store.drained();
  }
}
