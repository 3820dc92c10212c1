/** The way out of one connection, which all its channels share. ssh2 itself never waits for it. */
export interface Outbound {
  /**
   * Bytes that have not left yet. Infinite while keys are exchanged: ssh2 then keeps whatever is written, so that nothing should
   * be.
   */
  readonly waiting: number;
  /** Nothing leaves any more. */
  readonly closed: boolean;
  /**
   * @param listener called when less waits than before, and when the connection is closed.
   * @returns to be called when it is not of interest any more.
   */
  onChange(listener: () => void): () => void;
}
