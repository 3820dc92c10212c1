/** An archive on this disk that is a layer as it is: tar, tar.gz or tar.zst. */
export interface LayerFile {
  readonly path: string;
  /** Hex SHA-256 of the archive. */
  readonly hash: string;
  readonly size: number;
  /** The artifact that it was made of. */
  readonly name: string;
}
