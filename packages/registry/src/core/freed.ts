import type { StoredBlob } from '../meta/meta-store.js';

/** What removing files gives back to the disk. */
export interface Freed {
  readonly files: number;
  readonly bytes: number;
}

/**
 * An upload and an archive with the same hash are the same bytes on the disk: they are given back once, and only when
 * neither stays.
 * @param gone may name a hash more than once.
 */
export function freedBy(gone: readonly StoredBlob[], stays: ReadonlySet<string>): Freed {
  const sizes = new Map(gone.filter(({ hash }) => !stays.has(hash)).map(({ hash, size }) => [hash, size]));
  return { files: sizes.size, bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0) };
}
