import type { StoredFile, StoredFileInfo } from './stored-file.js';

/** The files that are made of an archive and can be made again: see docs/manifest-and-pack.md. */
export type DerivedKind = 'manifest' | 'pack';

/**
 * Stores manifests and packs by their hash. They are immutable: a file that can be opened has the bytes of its hash, unless
 * the disk is damaged. The contract is test/contract/derived-store-contract.ts.
 *
 * Errors: no-space, denied, not-found; anything else is internal.
 */
export interface DerivedStore {
  /** A new path of this host, for a thread to write a file at; `put` or `discard` ends it. */
  draft(kind: DerivedKind): string;
  /** Gives a draft, whose bytes are on the disk, its name, durably. Replaces a file of that hash, which may be damaged. */
  put(kind: DerivedKind, hash: string, draft: string): Promise<void>;
  /** Removes a draft, if it exists. */
  discard(draft: string): Promise<void>;
  stat(kind: DerivedKind, hash: string): Promise<StoredFileInfo | undefined>;
  /** @throws DeployError not-found. */
  open(kind: DerivedKind, hash: string): Promise<StoredFile>;
  /** The path of a file for a thread of this host, whether it exists or not. */
  locate(kind: DerivedKind, hash: string): string;
  list(kind: DerivedKind): Promise<readonly StoredFileInfo[]>;
  /** Removes a file, if it exists; an open file stays readable. */
  remove(kind: DerivedKind, hash: string): Promise<void>;
  /** Removes leftover drafts. To be called once, before the first `draft`. @returns their number. */
  clean(): Promise<number>;
}
