import { DeployError } from '@deploy-tools/shared/errors.js';
import { type BoltMeta, PAGE_HEADER_BYTES, type ReadAt } from './bolt-meta.js';
import { type BoltPage, parseBoltPage, readPageHeader } from './bolt-page.js';

/** A key with its value, and the names of the buckets around it, outermost first. */
export interface BoltEntry {
  readonly path: readonly Buffer[];
  readonly key: Buffer;
  /** Absent for a nested bucket, whose own entries follow. */
  readonly value?: Buffer;
}

/** The value of a bucket: first page (u64), sequence (u64); then a page in place, when the first page is 0. */
const BUCKET_HEADER_BYTES = 16;
/** Levels of buckets and branches. A tree of this height holds more than fits any disk. */
const MAX_DEPTH = 48;
/** The longest run of pages for one node; a value is a few hundred bytes of JSON. */
const MAX_NODE_BYTES = 64 * 1024 * 1024;

/**
 * Generates the entries of all buckets in key order, each bucket before its entries. No page is visited twice, so that the
 * length of the file bounds the work; the largest nodes on one path bound the memory.
 * @throws DeployError corrupt when the file is not a well-formed tree, such as one with a loop.
 */
export function* walkBolt(read: ReadAt, meta: BoltMeta): Generator<BoltEntry> {
  const visited = new Set<number>();
  yield* walkNode({ read, meta, visited }, { path: [], depth: 0 }, BigInt(meta.root));
}

interface Walk {
  readonly read: ReadAt;
  readonly meta: BoltMeta;
  readonly visited: Set<number>;
}

/** The place of a walk in the tree. */
interface Position {
  /** The keys of the buckets around it. */
  readonly path: readonly Buffer[];
  /** Levels of buckets and branches around it. */
  readonly depth: number;
}

function* walkNode(walk: Walk, position: Position, id: bigint): Generator<BoltEntry> {
  const page = within(id, () => parseBoltPage(readNode(walk, id)));
  yield* walkPage(walk, position, page);
}

function* walkPage(walk: Walk, { path, depth }: Position, page: BoltPage): Generator<BoltEntry> {
  if (depth > MAX_DEPTH) throw new DeployError('corrupt', 'its buckets are nested without end');
  if (page.kind === 'branch') {
    for (const child of page.children) yield* walkNode(walk, { path, depth: depth + 1 }, child);
    return;
  }
  for (const { key, value, isBucket } of page.items) {
    if (isBucket) {
      yield { path, key };
      yield* walkBucket(walk, { path: [...path, key], depth: depth + 1 }, value);
    } else yield { path, key, value };
  }
}

function walkBucket(walk: Walk, position: Position, value: Buffer): Generator<BoltEntry> {
  if (value.length < BUCKET_HEADER_BYTES) throw new DeployError('corrupt', 'a bucket is cut off');
  const root = value.readBigUInt64LE(0);
  if (root !== 0n) return walkNode(walk, position, root);
  const inline = value.subarray(BUCKET_HEADER_BYTES);
  if (inline.length < PAGE_HEADER_BYTES) throw new DeployError('corrupt', 'a bucket is cut off');
  return walkPage(walk, position, parseBoltPage(inline));
}

/** Reads a page with its overflow, and checks that no other node uses its pages. */
function readNode({ read, meta, visited }: Walk, id: bigint): Buffer {
  const { pageSize, pageCount } = meta;
  if (id < 2n || id >= BigInt(pageCount)) throw new DeployError('corrupt', 'it is outside the file');
  const first = Number(id);
  const header = readPageHeader(read(first * pageSize, PAGE_HEADER_BYTES));
  const length = (header.overflow + 1) * pageSize;
  if (header.id !== id) throw new DeployError('corrupt', 'it has the number of another page');
  if (length > MAX_NODE_BYTES || first + header.overflow >= pageCount) {
    throw new DeployError('corrupt', 'it is longer than the file');
  }
  for (let page = first; page <= first + header.overflow; page += 1) {
    if (visited.has(page)) throw new DeployError('corrupt', 'it is used twice');
    visited.add(page);
  }
  return read(first * pageSize, length);
}

/** Adds the number of the page to an error. */
function within<T>(id: bigint, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DeployError)) throw error;
    throw new DeployError(error.kind, `page ${id} is damaged: ${error.message}`, { cause: error });
  }
}
