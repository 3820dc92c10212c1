import type { ByteName } from '../archive/byte-name.js';
import type { TarEntryType } from '../archive/tar-entry.js';

/** A piece of content: its digest is its identity, in every layer and version. */
export interface ChunkRef {
  /** Lower-case hex SHA-256 of the uncompressed bytes. */
  readonly digest: string;
  /** Uncompressed bytes: 1 to MAX_CHUNK. */
  readonly length: number;
  /** Bytes in a pack; equal to `length` when stored uncompressed. */
  readonly packedLength: number;
}

/** One entry of a layer. Its time is in another segment: see docs/manifest-and-pack.md. */
export interface ManifestEntry {
  readonly type: TarEntryType;
  /** Relative to the root, in normal form; empty for the root itself. No policy has checked it. */
  readonly path: ByteName;
  /** 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content; 0 except for files. */
  readonly size: number;
  /** Content in order; the lengths add up to `size`. Empty except for files. */
  readonly chunks: readonly ChunkRef[];
  /** The target of a symlink as in the archive, or of a hard link as a path; else empty. */
  readonly target: ByteName;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

export interface EntryTime {
  /** Whole seconds since 1970, rounded down; negative before. */
  readonly seconds: number;
  /** 0 to 999,999,999. */
  readonly nanoseconds: number;
}

/** A reference to a part of a manifest. */
export interface SegmentRef {
  /** Lower-case hex SHA-256 of the uncompressed bytes. */
  readonly digest: string;
  readonly length: number;
  readonly packedLength: number;
  /** The number of its entries. */
  readonly entries: number;
  /** The offset of its frame in the pack. */
  readonly offset: number;
}

/** The root of a manifest. */
export interface ManifestRoot {
  /** zstd's version number. */
  readonly compressor: number;
  readonly archive: { readonly hash: string; readonly size: number };
  readonly pack: { readonly hash: string; readonly size: number };
  /** The offset of the first chunk in the pack. */
  readonly contentOffset: number;
  readonly entries: number;
  /** Sum of the sizes of all files. */
  readonly contentBytes: number;
  readonly entrySegments: readonly SegmentRef[];
  readonly timeSegments: readonly SegmentRef[];
}

/** The only version of the format so far. */
export const MANIFEST_VERSION = 1;
/** The first bytes of a pack; frames follow. */
export const PACK_HEADER: Readonly<Uint8Array> = Buffer.from('DTPK\x01\0\0\0', 'latin1');

/** Bounds that readers enforce. */
export const MAX_CHUNK = 256 * 1024;
/** One entry may be a file of many chunks: 64 MiB describe some 100 GB. */
export const MAX_SEGMENT = 64 * 1024 * 1024;
export const MAX_SEGMENT_ENTRIES = 64;
/** Entries of every time segment but the last, which may have fewer. */
export const TIME_SEGMENT_ENTRIES = 4096;
export const MAX_ROOT = 64 * 1024 * 1024;
/** Bytes of a path or a link's target. */
export const MAX_NAME = 64 * 1024;
/** The furthest time before or after 1970; differences of two times stay exact. */
export const MAX_SECONDS = 2 ** 50;
