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
  /** By digest, where each chunk is met first. Made when first needed: most files are found by their path. */
  #chunks: ReadonlyMap<string, FoundFile & ChunkSource> | undefined;

  constructor(releases: readonly DiskRelease[]) {
    this.#releases = releases;
  }

  /** A file of that content, one of that path where there is a choice. */
  file(path: ByteName, chunks: readonly ChunkRef[]): FoundFile | undefined {
    for (const [root, release] of this.#releases.entries()) {
      const file = release.files.get(path);
      if (file !== undefined && sameContent(file.chunks, chunks)) return { root, file };
    }
    const [first] = chunks;
    const found = first === undefined ? undefined : this.chunk(first.digest);
    return found !== undefined && sameContent(found.file.chunks, chunks) ? found : undefined;
  }

  chunk(digest: string): (FoundFile & ChunkSource) | undefined {
    this.#chunks ??= indexChunks(this.#releases);
    return this.#chunks.get(digest);
  }
}

function indexChunks(releases: readonly DiskRelease[]): Map<string, FoundFile & ChunkSource> {
  const index = new Map<string, FoundFile & ChunkSource>();
  for (const [root, release] of releases.entries()) {
    for (const file of release.files.values()) {
      let offset = 0;
      for (const { digest, length } of file.chunks) {
        if (!index.has(digest)) index.set(digest, { root, file, path: file.path, offset });
        offset += length;
      }
    }
  }
  return index;
}

function sameContent(a: readonly ChunkRef[], b: readonly ChunkRef[]): boolean {
  return a === b || (a.length === b.length && a.every((chunk, at) => chunk.digest === b[at]?.digest));
}
