import type { IndexedArchive, StoredBlob } from '../meta/meta-store.js';

/** Each costs reading its manifest; one that is not of the same component is of no use. */
const MOST = 2;

/**
 * Which archives an uploaded one is likely to share content with. Its component is not known before addver; but an
 * update is about as large as what it updates.
 */
export function chooseReuse(
  archive: StoredBlob,
  newest: readonly IndexedArchive[],
): readonly IndexedArchive[] {
  const distance = (other: IndexedArchive) =>
    Math.abs(Math.log((other.archive.size + 1) / (archive.size + 1)));
  return newest
    .filter((other) => other.archive.hash !== archive.hash)
    .sort((a, b) => distance(a) - distance(b))
    .slice(0, MOST);
}
