/** Ends a deployment before its time, with `Superseded` or `Cancelled` as the reason of its signal. */
export interface CallOff {
  readonly signal: AbortSignal;
  /** To be called when the deployment is over. */
  close(): void;
}

/** What is wanted while a deployment is in progress, and what operators ask for meanwhile. */
export interface Wishes {
  /** A deployment begins. @param hash of its configuration: another one that is wanted meanwhile calls the deployment off. */
  deploying(hash: string): CallOff;
  /** Whether another release than this is known to be wanted. @param hash of a configuration. */
  wantsOther(hash: string): boolean;
}

/** How operators reach the loop that follows a configuration. */
export interface LoopControl {
  /** Has the upstream polled now. */
  nudge(): void;
  /** Cancels the deployment in progress. @param by who, as people know them. @returns false when none is. */
  cancel(by: string): boolean;
  /** Whether a deployment is in progress; one that waits for a later time is not. */
  readonly isDeploying: boolean;
}
