import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';
import type { ChunkRef } from '@deploy-tools/shared/layers/manifest.js';
import type { DiskFile, DiskRelease } from './disk-release.js';

/** A file of a release on disk. */
export interface FoundFile {
  /** Which release. */
  readonly root: number;
  readonly file: DiskFile;
}

/** Where a chunk may lie on disk. */
export interface ChunkSource {
  /** Which directory. */
  readonly root: number;
  readonly path: ByteName;
  /** In the file. */
  readonly offset: number;
}

/** Finds content in releases on disk: by path, by the content of a whole file, by chunk; an earlier release first. */
export class ContentIndex {
  readonly #releases: readonly DiskRelease[];
  /** Made when first needed: most files are found by their path. */
  #files: Map<string, FoundFile> | undefined;
  #chunks: Map<string, ChunkSource> | undefined;

  constructor(releases: readonly DiskRelease[]) {
    this.#releases = releases;
  }

  /** A file of that content, one of that path where there is a choice. */
  file(path: ByteName, chunks: readonly ChunkRef[]): FoundFile | undefined {
    for (const [root, release] of this.#releases.entries()) {
      const file = release.files.get(path);
      if (file !== undefined && sameContent(file.chunks, chunks)) return { root, file };
    }
    this.#files ??= this.#indexFiles();
    return this.#files.get(contentKey(chunks));
  }

  chunk(digest: string): ChunkSource | undefined {
    this.#chunks ??= this.#indexChunks();
    return this.#chunks.get(digest);
  }

  #indexFiles(): Map<string, FoundFile> {
    const index = new Map<string, FoundFile>();
    for (const [root, release] of this.#releases.entries()) {
      for (const file of release.files.values()) {
        const key = contentKey(file.chunks);
        if (!index.has(key)) index.set(key, { root, file });
      }
    }
    return index;
  }

  #indexChunks(): Map<string, ChunkSource> {
    const index = new Map<string, ChunkSource>();
    for (const [root, release] of this.#releases.entries()) {
      for (const { path, chunks } of release.files.values()) {
        let offset = 0;
        for (const { digest, length } of chunks) {
          if (!index.has(digest)) index.set(digest, { root, path, offset });
          offset += length;
        }
      }
    }
    return index;
  }
}

function sameContent(a: readonly ChunkRef[], b: readonly ChunkRef[]): boolean {
  return a === b || (a.length === b.length && a.every((chunk, at) => chunk.digest === b[at]?.digest));
}

function contentKey(chunks: readonly ChunkRef[]): string {
  const [only, second] = chunks;
  if (only !== undefined && second === undefined) return only.digest;
  return chunks.map((chunk) => chunk.digest).join('');
}
