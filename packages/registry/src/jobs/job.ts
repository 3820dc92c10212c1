/** Something that the registry does by itself now and then. */
export interface Job {
  /** Begins nothing more; resolves when nothing of it uses the stores any more, or somebody else sees to that. */
  stop(): Promise<void>;
}
