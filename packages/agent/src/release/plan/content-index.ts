import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';
import type { ChunkRef } from '@deploy-tools/shared/layers/manifest.js';
import type { DiskFile, DiskRelease } from './disk-release.js';

export interface FoundFile {
  /** The number of the release. */
  readonly root: number;
  readonly file: DiskFile;
}

/** A possible place of a chunk on disk. */
export interface ChunkSource {
  /** The number of the directory. */
  readonly root: number;
  readonly path: ByteName;
  /** In the file. */
  readonly offset: number;
}

/**
 * Finds content in releases on disk under whatever path, an earlier release first. Only what is asked for is indexed:
 * an update asks for a few chunks of many.
 */
export class ContentIndex {
  /** The first place of each chunk by digest. */
  readonly #chunks: ReadonlyMap<string, FoundFile & ChunkSource>;

  /** @param wanted digests of the chunks to find. */
  constructor(releases: readonly DiskRelease[], wanted: ReadonlySet<string>) {
    this.#chunks = wanted.size === 0 ? new Map() : indexChunks(releases, wanted);
  }

  /** Finds a file with exactly this content. */
  file(chunks: readonly ChunkRef[]): FoundFile | undefined {
    const [first] = chunks;
    const found = first === undefined ? undefined : this.chunk(first.digest);
    return found !== undefined && sameContent(found.file.chunks, chunks) ? found : undefined;
  }

  chunk(digest: string): (FoundFile & ChunkSource) | undefined {
    return this.#chunks.get(digest);
  }
}

function indexChunks(
  releases: readonly DiskRelease[],
  wanted: ReadonlySet<string>,
): Map<string, FoundFile & ChunkSource> {
  const index = new Map<string, FoundFile & ChunkSource>();
  for (const [root, release] of releases.entries()) {
    for (const file of release.files.values()) {
      let offset = 0;
      for (const { digest, length } of file.chunks) {
        if (wanted.has(digest) && !index.has(digest))
          index.set(digest, { root, file, path: file.path, offset });
        offset += length;
      }
    }
  }
  return index;
}

/** Finds a file by path and content in the first release that has it. */
export function fileAt(
  releases: readonly DiskRelease[],
  path: ByteName,
  chunks: readonly ChunkRef[],
): FoundFile | undefined {
  for (let root = 0; root < releases.length; root++) {
    const file = releases[root]?.files.get(path);
    if (file !== undefined && sameContent(file.chunks, chunks)) return { root, file };
  }
  return undefined;
}

function sameContent(a: readonly ChunkRef[], b: readonly ChunkRef[]): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every((chunk, at) => chunk.digest === b[at]?.digest);
}
