/** Archives are unpacked from their beginning to their end: a small saving of bytes does not make up for that. */
const WORTH_SAVING = 0.2;
const WORTH_BYTES = 1024 * 1024;

/**
 * Whether fetching whole archives is the better way. Pure.
 * @param chunkBytes to be fetched of packs otherwise.
 * @param archiveBytes to be fetched of archives: what is in the cache does not count.
 */
export function archivesAreBetter(chunkBytes: number, archiveBytes: number): boolean {
  return archiveBytes + WORTH_BYTES < chunkBytes * (1 - WORTH_SAVING);
}
