import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import type { EntrySink } from '@deploy-tools/shared/archive/read-archive.js';
import { SpentBuffers } from '@deploy-tools/shared/host/spent-buffers.js';
import { ContentChunker } from '@deploy-tools/shared/layers/content-chunker.js';
import type { ChunkStore } from './chunk-store.js';
import type { LayerEntry, StoredChunk } from './layer-entry.js';

const NO_CHUNKS: readonly StoredChunk[] = [];

/** Collects the entries of an archive and stores their contents. */
export class LayerReader implements EntrySink {
  /** In the order of the archive. */
  readonly entries: LayerEntry[] = [];
  /** Sum of the sizes of all files. */
  bytes = 0;
  readonly #store: ChunkStore;
  readonly #chunker: ContentChunker;
  readonly #spent = new SpentBuffers();
  /** The chunks of the current entry. */
  readonly #chunks: StoredChunk[] = [];
  #entry: SafeEntry | undefined;

  constructor(store: ChunkStore) {
    this.#store = store;
    this.#chunker = new ContentChunker((chunk) => {
      this.#chunks.push(store.put(chunk));
    });
  }

  entry(entry: SafeEntry): void {
    this.#entry = entry;
    this.#chunker.begin(entry.size);
    this.bytes += entry.size;
  }

  data(chunk: Uint8Array): void {
    this.#spent.add(chunk.length);
    this.#chunker.write(chunk);
  }

  entryEnd(): void {
    if (this.#entry === undefined) return;
    // A copy has the exact length; an array that grew takes more memory.
    this.entries.push(layerEntryOf(this.#entry, this.#chunks.length === 0 ? NO_CHUNKS : [...this.#chunks]));
    this.#chunks.length = 0;
  }

  drained(): Promise<void> | undefined {
    return this.#store.drained();
  }
}

/** The manifest's entry for an archive's entry. The mode, owner and time of a hard link are ignored: it has none of its own. */
function layerEntryOf(entry: SafeEntry, chunks: readonly StoredChunk[]): LayerEntry {
  const own = entry.type !== 'hardlink';
  return {
    type: entry.type,
    path: entry.path,
    mode: own ? entry.mode : 0,
    uid: own ? entry.uid : 0,
    gid: own ? entry.gid : 0,
    size: entry.size,
    chunks,
    target: entry.linkTarget,
    deviceMajor: entry.deviceMajor,
    deviceMinor: entry.deviceMinor,
    seconds: own ? entry.mtimeSeconds : 0,
    nanoseconds: own ? entry.mtimeNanoseconds : 0,
  };
}
