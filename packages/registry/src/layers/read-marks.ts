/**
 * Marks of archives that are being read, kept beyond the end of the process. An archive whose reading ends the process must not
 * be read again at every start.
 */
export interface ReadMarks {
  /**
   * Marks the start of reading an archive.
   * @returns how often, within the last day, the process ended while it read the archive.
   */
  begin(hash: string): Promise<number>;
  /** Removes the marks of an archive: it was read, and the process still runs. */
  end(hash: string): Promise<void>;
}
