/** Hashes files of this host, outside of the event loop, one at a time. */
export interface Digester {
  /** @throws DeployError not-found; another kind when the file cannot be read. */
  digest(path: string): Promise<FileDigest>;
  /** Ends the digester and the digest that it computes. */
  close(): Promise<void>;
}

export interface FileDigest {
  /** Lower-case hex SHA-256. */
  readonly hash: string;
  readonly size: number;
}
