import type { ChunkPlace } from '@deploy-tools/shared/layers/chunk-places.js';
import type { ChunkRef } from '@deploy-tools/shared/layers/manifest.js';
import { type ChunkSource, ContentIndex, type FoundFile, fileAt } from './content-index.js';
import type { DiskFile, DiskSources } from './disk-release.js';
import type { TreeNode } from './release-tree.js';

/** A file to reuse whole from an earlier release, if it is unchanged. */
export interface CopyPlan {
  readonly node: TreeNode;
  /** The number of the release. */
  readonly root: number;
  readonly file: DiskFile & { readonly stamp: number };
}

/** A chunk of a file, and its possible places on disk. */
export interface PiecePlan {
  readonly chunk: ChunkRef;
  /** In the new file. */
  readonly offset: number;
  /** Tried in order, and verified by digest. */
  readonly sources: readonly ChunkSource[];
}

/** A file to make, with those of its chunks that may be on disk. */
export interface AssemblyPlan {
  readonly node: TreeNode;
  readonly pieces: readonly PiecePlan[];
}

/** The place of a fetched chunk. */
export interface ChunkTarget {
  readonly node: TreeNode;
  readonly offset: number;
}

/** A chunk to fetch once, for all its places. */
export interface FetchPlan {
  readonly digest: string;
  /** The layer with its pack. */
  readonly layer: number;
  readonly place: ChunkPlace;
  readonly targets: ChunkTarget[];
}

/** The sources of all contents of a release. */
export interface ContentPlan {
  readonly copies: readonly CopyPlan[];
  readonly assemblies: readonly AssemblyPlan[];
  readonly fetch: FetchList;
}

/** For each layer, the chunks of its pack by digest. */
export type PackPlaces = readonly ReadonlyMap<string, ChunkPlace>[];

/** The chunks to fetch, each once. */
export class FetchList {
  readonly #places: PackPlaces;
  readonly #chunks = new Map<string, FetchPlan>();
  #bytes = 0;

  constructor(places: PackPlaces) {
    this.#places = places;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(digest: string): FetchPlan | undefined {
    return this.#chunks.get(digest);
  }

  add(digest: string, target: ChunkTarget): void {
    const known = this.#chunks.get(digest);
    if (known !== undefined) {
      known.targets.push(target);
      return;
    }
    const { layer } = target.node.place;
    const place = this.#places[layer]?.get(digest);
    if (place === undefined) return; // a layer's pack holds all chunks of its entries
    this.#chunks.set(digest, { digest, layer, place, targets: [target] });
    this.#bytes += place.packedLength;
  }

  chunks(): FetchPlan[] {
    return [...this.#chunks.values()];
  }
}

/** Plans the source of every file's content. Pure. */
export function planContent(nodes: readonly TreeNode[], places: PackPlaces, disk: DiskSources): ContentPlan {
  const copies: CopyPlan[] = [];
  const others: TreeNode[] = [];
  for (const node of nodes) {
    if (node.chunks.length === 0) continue;
    const found = fileAt(disk.releases, node.entry.path, node.chunks);
    if (!addCopy(copies, node, found)) others.push(node);
  }
  const assemblies: AssemblyPlan[] = [];
  const fetch = new FetchList(places);
  const wanted = new Set(others.flatMap(({ chunks }) => chunks.map(({ digest }) => digest)));
  const index = new ContentIndex(disk.releases, wanted);
  for (const node of others) {
    if (addCopy(copies, node, index.file(node.chunks))) continue;
    const pieces = piecesOf(node, ({ chunk, offset }) =>
      sourcesOf({ path: node.entry.path, offset }, index.chunk(chunk.digest), disk),
    );
    const onDisk = pieces.filter((piece) => piece.sources.length > 0);
    if (onDisk.length > 0) assemblies.push({ node, pieces: onDisk });
    for (const { chunk, offset, sources } of pieces) {
      if (sources.length === 0) fetch.add(chunk.digest, { node, offset });
    }
  }
  return { copies, assemblies, fetch };
}

/** @returns false for a file without a stamp, which cannot prove that it is unchanged. */
function addCopy(copies: CopyPlan[], node: TreeNode, found: FoundFile | undefined): boolean {
  if (found === undefined || !isStamped(found.file)) return false;
  copies.push({ node, root: found.root, file: found.file });
  return true;
}

/** The known place of a chunk, and unproven files that may hold it at the same place. */
function sourcesOf(
  { path, offset }: Omit<ChunkSource, 'root'>,
  known: ChunkSource | undefined,
  { releases, unproven }: DiskSources,
): ChunkSource[] {
  const sources = unproven.map((_, at) => ({ root: releases.length + at, path, offset }));
  if (known !== undefined) sources.unshift({ root: known.root, path: known.path, offset: known.offset });
  return sources;
}

function isStamped(file: DiskFile): file is DiskFile & { readonly stamp: number } {
  return file.stamp !== undefined;
}

/** The chunks of a file with their sources. */
export function piecesOf(
  node: TreeNode,
  sourcesOf: (piece: Omit<PiecePlan, 'sources'>) => readonly ChunkSource[],
): PiecePlan[] {
  const pieces: PiecePlan[] = [];
  let offset = 0;
  for (const chunk of node.chunks) {
    pieces.push({ chunk, offset, sources: sourcesOf({ chunk, offset }) });
    offset += chunk.length;
  }
  return pieces;
}

/** The saving that makes archives worth it, although each is unpacked from beginning to end. */
const WORTH_SAVING = 0.2;
const WORTH_BYTES = 1024 * 1024;

/**
 * Whether fetching whole archives is the better way. Pure.
 * @param chunkBytes to be fetched of packs otherwise.
 * @param archiveBytes to be fetched of archives: what is in the cache does not count.
 */
export function archivesAreBetter(chunkBytes: number, archiveBytes: number): boolean {
  return archiveBytes + WORTH_BYTES < chunkBytes * (1 - WORTH_SAVING);
}
