import { DeployError } from '@deploy-tools/shared/errors.js';

/** Ends a deployment early, with {@link Superseded} or {@link Cancelled} as the reason of its signal. */
export interface CallOff {
  readonly signal: AbortSignal;
  /** To be called when the deployment is over. */
  close(): void;
}

/** Ends a deployment because another release is wanted; the release is not to blame. */
export class Superseded extends DeployError {
  /** Hash of the wanted configuration. */
  readonly by: string;

  constructor(by: string) {
    super('conflict', 'another release was wanted before this one was healthy');
    this.by = by;
  }
}

/** Ends a deployment because an operator cancelled it. */
export class Cancelled extends DeployError {
  /** @param by the operator, for people to read. */
  constructor(by: string) {
    super('conflict', `cancelled by ${by}`);
  }
}

/** Receives what the registry and operators want while a deployment is in progress. */
export interface Wishes {
  /** Begins a deployment. @param hash of its configuration: when another one is wanted, the deployment is called off. */
  deploying(hash: string): CallOff;
  /** Whether another configuration than this is known to be wanted. */
  wantsOther(hash: string): boolean;
}

/** How operators reach the loop that follows a configuration. */
export interface LoopControl {
  /** Has the upstream polled now. */
  nudge(): void;
  /** Cancels the deployment in progress. @param by the operator, for people to read. @returns false where there is none. */
  cancel(by: string): boolean;
  /** Whether a deployment is in progress; one that waits for a later time is not. */
  readonly isDeploying: boolean;
}
