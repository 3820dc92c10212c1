import { DeployError } from '@deploy-tools/shared/errors.js';

/** Every page begins with id (u64), flags (u16), count (u16), overflow (u32); all numbers are little-endian. */
export const PAGE_HEADER_BYTES = 16;

/** Fills a buffer of `length` bytes from `offset` on. @throws DeployError corrupt when the file is shorter. */
export type ReadAt = (offset: number, length: number) => Buffer;

/** The content of one of the two meta pages of a BoltDB file. */
export interface BoltMeta {
  /** Bytes. */
  readonly pageSize: number;
  /** Number of the page where the root bucket begins. */
  readonly root: number;
  /** Pages in use have numbers below this. */
  readonly pageCount: number;
  /** The number of the last transaction that changed the file. */
  readonly txid: bigint;
}

const MAGIC = 0xed0cdaed;
const VERSION = 2;
const META_BYTES = 64;
const CHECKSUM_AT = 56;
/** Possible page sizes: the file has the page size of the machine that made it. */
const PAGE_SIZES = [4096, 8192, 16384, 32768, 65536];

/**
 * Reads pages 0 and 1, which are written in turn, and takes the undamaged one with the higher transaction number.
 * @throws DeployError corrupt when both are damaged, as by a crash.
 */
export function readBoltMeta(read: ReadAt): BoltMeta {
  const first = metaAt(read, 0);
  // The place of the second page depends on the page size, which a damaged first page does not have.
  const sizes = first === undefined ? PAGE_SIZES : [first.pageSize];
  const found = sizes.map((size) => metaAt(read, size)).find((meta) => meta !== undefined);
  const metas = [first, found].filter((meta) => meta !== undefined);
  const [newest] = metas.sort((a, b) => (a.txid < b.txid ? 1 : -1));
  if (newest === undefined) throw new DeployError('corrupt', 'both of its meta pages are damaged');
  return newest;
}

/** @returns undefined when there is no undamaged meta page. */
function metaAt(read: ReadAt, offset: number): BoltMeta | undefined {
  let meta: Buffer;
  try {
    meta = read(offset + PAGE_HEADER_BYTES, META_BYTES);
  } catch (error) {
    if (error instanceof DeployError && error.kind === 'corrupt') return undefined;
    throw error;
  }
  if (meta.readUInt32LE(0) !== MAGIC || meta.readUInt32LE(4) !== VERSION) return undefined;
  if (meta.readBigUInt64LE(CHECKSUM_AT) !== fnv1a64(meta.subarray(0, CHECKSUM_AT))) return undefined;
  const pageSize = meta.readUInt32LE(8);
  const pageCount = meta.readBigUInt64LE(40);
  const root = meta.readBigUInt64LE(16);
  const plausible = PAGE_SIZES.includes(pageSize) && (offset === 0 || offset === pageSize);
  if (!plausible || root >= pageCount || pageCount > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  return { pageSize, root: Number(root), pageCount: Number(pageCount), txid: meta.readBigUInt64LE(48) };
}

/** FNV-1a, 64 bit (draft-eastlake-fnv). */
function fnv1a64(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
