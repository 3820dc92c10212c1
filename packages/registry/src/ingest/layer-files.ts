/** Where a layer's manifest and pack lie: absolute paths. */
export interface LayerFiles {
  readonly manifest: string;
  readonly pack: string;
}

/** A file by its content. */
export interface WrittenFile {
  /** Lower-case hex SHA-256. */
  readonly hash: string;
  readonly size: number;
}
