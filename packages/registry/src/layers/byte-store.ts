import type { StoredBlob } from '@deploy-tools/shared/model.js';
import type { StoredFile, StoredFileInfo } from './stored-file.js';

/** An upload that is being written, in any order. */
export interface StagedUpload {
  /** Bytes up to the highest one written. */
  readonly size: number;
  /** Writes all of `data` at `position`; writes may run side by side, `data` must not change meanwhile. */
  write(data: Buffer, position: number): Promise<void>;
  /**
   * Does the long steps of `seal` ahead of it: hashes the bytes and writes them to the disk. Optional.
   * @throws DeployError cancelled when the signal stopped it; `discard` is left to the caller.
   */
  prepare(signal?: AbortSignal): Promise<void>;
  /**
   * Ends writing: makes the bytes durable under their hash. A second upload of the same bytes is not an error. After a failed
   * write it fails too, and the bytes are removed.
   * @returns lower-case hex SHA-256 and the size.
   */
  seal(): Promise<StoredBlob>;
  /** Removes the upload. Does nothing after `seal` or `discard`. */
  discard(): Promise<void>;
}

export interface LocatedFile {
  readonly path: string;
  readonly size: number;
}

/**
 * Stores the bytes of uploads and archives by their hash. Archives are immutable: an archive that can be opened has the bytes
 * of its hash. The contract is test/contract/byte-store-contract.ts.
 *
 * Errors: no-space, denied, not-found; anything else is internal.
 */
export interface ByteStore {
  /** The directory of the bytes, for messages. */
  readonly place: string;
  stage(): Promise<StagedUpload>;
  /** Sealed uploads that are not archives yet. */
  uploads(): Promise<readonly StoredFileInfo[]>;
  removeUpload(hash: string): Promise<void>;
  /**
   * Makes a sealed upload an archive, durably. Does nothing when the archive exists.
   * @throws DeployError not-found when there is neither upload nor archive.
   */
  promote(hash: string): Promise<StoredFileInfo>;
  /** Undoes `promote`: makes the archive an upload again. Does nothing when there is no archive. */
  demote(hash: string): Promise<void>;
  stat(hash: string): Promise<StoredFileInfo | undefined>;
  /** @throws DeployError not-found. */
  open(hash: string): Promise<StoredFile>;
  archives(): Promise<readonly StoredFileInfo[]>;
  /** Where a worker thread can open an archive or a sealed upload; undefined when it does not exist. */
  locate(place: 'archive' | 'upload', hash: string): Promise<LocatedFile | undefined>;
  remove(hash: string): Promise<void>;
  /** Free space of the store, in bytes. */
  freeBytes(): Promise<number>;
  /** Removes leftovers of interrupted uploads. To be called once, before the first `stage`. @returns their number. */
  clean(): Promise<number>;
}
