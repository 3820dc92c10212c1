import type { DeployError } from '@deploy-tools/shared/errors.js';

/** The end of a poll, and of the deployment that it began. */
export type AttemptResult =
  /** The wanted release runs already. */
  | { readonly kind: 'current'; readonly hash: string }
  | { readonly kind: 'deployed'; readonly hash: string }
  /** The deployment waits: for the end of a hold, a pause or its random delay. `ms` may be infinite. */
  | { readonly kind: 'waiting'; readonly hash: string; readonly ms: number; readonly isDelayed?: true }
  /** The attempt has failed, and all consequences are done. */
  | { readonly kind: 'failed' | 'rolled-back' | 'inconsistent'; readonly error: DeployError }
  /** The attempt will be resumed or begun anew: the agent stops, the connection is lost, another release is wanted. */
  | { readonly kind: 'interrupted'; readonly error: DeployError };

export type Failure = Extract<AttemptResult, { readonly error: DeployError }>;

export function isFailure(result: AttemptResult): result is Failure {
  return 'error' in result;
}
