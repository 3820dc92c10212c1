import type { StoredBlob } from '@deploy-tools/shared/model.js';

/** A stored file open for reading. Reads may run side by side. */
export interface StoredFile {
  readonly size: number;
  /** Time of storing, seconds since the epoch. */
  readonly mtime: number;
  /**
   * Fills `target` from `position` on.
   * @returns bytes read; less than asked only at the end of the file.
   */
  read(target: Buffer, position: number): Promise<number>;
  close(): Promise<void>;
}

export interface StoredFileInfo extends StoredBlob {
  /** Seconds since the epoch. */
  readonly mtime: number;
}
