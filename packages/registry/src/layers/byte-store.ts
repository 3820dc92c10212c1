import type { StoredFile, StoredFileInfo } from './stored-file.js';

/** An upload that is being written, in any order. */
export interface StagedUpload {
  /** Bytes up to the highest one written. */
  readonly size: number;
  /** Writes all of `data` at `position`; writes may run side by side, `data` must not change meanwhile. */
  write(data: Buffer, position: number): Promise<void>;
  /**
   * Does ahead what takes long in `seal`: hashing, and bringing the bytes to the disk. May be left out.
   * @throws DeployError cancelled when the signal stopped it; `discard` is left to the caller.
   */
  prepare(signal?: AbortSignal): Promise<void>;
  /**
   * Ends writing: makes the bytes durable and known by their hash. Uploading the same bytes again is not an error.
   * After a write that failed it fails too, and nothing is kept.
   * @returns lower-case hex SHA-256 and the size.
   */
  seal(): Promise<{ readonly hash: string; readonly size: number }>;
  /** Removes what was written. Does nothing after `seal` or `discard`. */
  discard(): Promise<void>;
}

export interface LocatedFile {
  readonly path: string;
  readonly size: number;
}

/**
 * Where the bytes of uploads and archives live, by their hash. Archives are immutable: a hash that can be
 * opened gives the bytes with that hash. The contract is test/contract/byte-store-contract.ts.
 *
 * Errors: no-space, denied, not-found; anything else is internal.
 */
export interface ByteStore {
  /** Where on its host the bytes lie, for people. */
  readonly place: string;
  stage(): Promise<StagedUpload>;
  /** Sealed uploads that are not archives yet. */
  uploads(): Promise<readonly StoredFileInfo[]>;
  removeUpload(hash: string): Promise<void>;
  /**
   * Makes a sealed upload an archive, durably. Idempotent: does nothing when the archive is there already.
   * @throws DeployError not-found when neither is there.
   */
  promote(hash: string): Promise<StoredFileInfo>;
  /** Undoes `promote`: the archive is an upload again, and no archive. Does nothing when there is no archive. */
  demote(hash: string): Promise<void>;
  stat(hash: string): Promise<StoredFileInfo | undefined>;
  /** @throws DeployError not-found. */
  open(hash: string): Promise<StoredFile>;
  archives(): Promise<readonly StoredFileInfo[]>;
  /** Where on this host a thread can read an archive or a sealed upload until it is removed; undefined: not there. */
  locate(place: 'archive' | 'upload', hash: string): Promise<LocatedFile | undefined>;
  remove(hash: string): Promise<void>;
  /** Bytes that uploads may still take on this store. */
  freeBytes(): Promise<number>;
  /** Removes what interrupted uploads left behind. Called once, before anything is staged. */
  clean(): Promise<number>;
}
