/** Hashes files of this host, outside of the event loop, one at a time. */
export interface Digester {
  /** @throws DeployError not-found; other kinds when it cannot be read. */
  digest(path: string): Promise<FileDigest>;
  /** Ends it, and what it is doing. */
  close(): Promise<void>;
}

export interface FileDigest {
  /** Lower-case hex SHA-256. */
  readonly hash: string;
  readonly size: number;
}
