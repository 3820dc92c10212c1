import type { ChunkPlace } from '@deploy-tools/shared/layers/chunk-places.js';
import type { ChunkRef } from '@deploy-tools/shared/layers/manifest.js';
import { type ChunkSource, ContentIndex, type FoundFile, fileAt } from './content-index.js';
import type { DiskFile, DiskSources } from './disk-release.js';
import type { TreeNode } from './release-tree.js';

/** A file to be taken over whole from an earlier release, when it is proven unchanged. */
export interface CopyPlan {
  readonly node: TreeNode;
  /** Which release. */
  readonly root: number;
  readonly file: DiskFile & { readonly stamp: number };
}

/** A chunk of a file, and where on disk it may be. */
export interface PiecePlan {
  readonly chunk: ChunkRef;
  /** In the file to be made. */
  readonly offset: number;
  /** To be tried in order; what they give is verified by digest. */
  readonly sources: readonly ChunkSource[];
}

/** A file some of whose chunks may be on disk. */
export interface AssemblyPlan {
  readonly node: TreeNode;
  readonly pieces: readonly PiecePlan[];
}

/** Where a fetched chunk belongs. */
export interface ChunkTarget {
  readonly node: TreeNode;
  readonly offset: number;
}

/** A chunk to be fetched, once, wherever it is needed. */
export interface FetchPlan {
  readonly digest: string;
  /** Whose pack it is taken from. */
  readonly layer: number;
  readonly place: ChunkPlace;
  readonly targets: ChunkTarget[];
}

/** How the contents of a release come about. */
export interface ContentPlan {
  readonly copies: readonly CopyPlan[];
  readonly assemblies: readonly AssemblyPlan[];
  /** Chunks that are nowhere on disk. */
  readonly fetch: FetchList;
}

/** Chunks of each layer's pack, by digest. */
export type PackPlaces = readonly ReadonlyMap<string, ChunkPlace>[];

/** What is to be fetched: each chunk once. */
export class FetchList {
  readonly #places: PackPlaces;
  readonly #chunks = new Map<string, FetchPlan>();
  #bytes = 0;

  constructor(places: PackPlaces) {
    this.#places = places;
  }

  /** Bytes of packs. */
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

/** Decides for every file that is not empty where its content comes from. Pure. */
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

/** @returns false for a file that cannot be distinguished from a changed one. */
function addCopy(copies: CopyPlan[], node: TreeNode, found: FoundFile | undefined): boolean {
  if (found === undefined || !isStamped(found.file)) return false;
  copies.push({ node, root: found.root, file: found.file });
  return true;
}

/** What is known to have held the chunk, and what may hold it at the same place. */
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

/** The chunks of a file, each with the sources that are known for it. */
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

/** Archives are unpacked from their beginning to their end: a small saving of bytes does not make up for that. */
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
