/** Background work of the registry. */
export interface Job {
  /** Begins nothing more; resolves when the job uses the stores no more. */
  stop(): Promise<void>;
}
