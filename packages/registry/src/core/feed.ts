/** The output of a streaming command, and the signal that ends it. */
export interface Feed {
  /** Resolves when there is room for more, or the feed has ended. One at a time. */
  readonly send: (text: string) => Promise<void>;
  /** Aborted when the reader is gone, at Ctrl-C, and when the registry stops. */
  readonly signal: AbortSignal;
  /** Whether the reader is a terminal, which can show colours. */
  readonly terminal: boolean;
}
