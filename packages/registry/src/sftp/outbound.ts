/** The outgoing side of one connection, which all its channels share. ssh2 itself never waits for it. */
export interface Outbound {
  /**
   * Unsent bytes. Infinite during a key exchange, so that senders wait: ssh2 would keep everything in memory.
   */
  readonly waiting: number;
  /** Whether the connection is closed. */
  readonly closed: boolean;
  /**
   * @param listener called when fewer bytes wait than before, and when the connection is closed.
   * @returns removes the listener.
   */
  onChange(listener: () => void): () => void;
}
