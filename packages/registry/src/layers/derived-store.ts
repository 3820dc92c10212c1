import type { StoredFile, StoredFileInfo } from './stored-file.js';

/** What is made of archives and can be made again: see docs/manifest-and-pack.md. */
export type DerivedKind = 'manifest' | 'pack';

/**
 * Where manifests and packs live, by their hash. They are immutable: a hash that can be opened gives the bytes with
 * that hash, unless the disk is damaged. The contract is test/contract/derived-store-contract.ts.
 *
 * Errors: no-space, denied, not-found; anything else is internal.
 */
export interface DerivedStore {
  /** A new path of this host, for a thread to write a file at; `put` or `discard` ends it. */
  draft(kind: DerivedKind): string;
  /**
   * Gives a draft its place, durably; its bytes are on the disk already. In place of what is there under that hash,
   * if anything is: that may be damaged.
   */
  put(kind: DerivedKind, hash: string, draft: string): Promise<void>;
  /** Removes a draft. Does nothing when it is not there. */
  discard(draft: string): Promise<void>;
  stat(kind: DerivedKind, hash: string): Promise<StoredFileInfo | undefined>;
  /** @throws DeployError not-found. */
  open(kind: DerivedKind, hash: string): Promise<StoredFile>;
  /** Where on this host a thread can read it, whether it is there or not. */
  locate(kind: DerivedKind, hash: string): string;
  list(kind: DerivedKind): Promise<readonly StoredFileInfo[]>;
  /** An open file stays readable. Removing what is not there does nothing. */
  remove(kind: DerivedKind, hash: string): Promise<void>;
  /** Removes the drafts that were left behind. Called once, before anything is drafted. */
  clean(): Promise<number>;
}
