/**
 * Remembers which archives are being read, beyond the end of the process: one whose reading ends the process must not
 * be read again by every process that is started.
 */
export interface ReadMarks {
  /**
   * Marks that an archive is being read.
   * @returns how often, within the last day, reading it was begun and the process ended before `end`.
   */
  begin(hash: string): Promise<number>;
  /** Reading it ended, however it went. */
  end(hash: string): Promise<void>;
}
