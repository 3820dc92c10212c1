/** Where something that goes on is written, and how it learns that it should end. */
export interface Feed {
  /** Resolves when there is room for more, or the feed has ended. One at a time. */
  readonly send: (text: string) => Promise<void>;
  /** Aborted when nobody reads any more, when it is enough (Ctrl-C), when the registry stops. */
  readonly signal: AbortSignal;
  /** Whether it is read on a terminal: only there are colours of use. */
  readonly terminal: boolean;
}
