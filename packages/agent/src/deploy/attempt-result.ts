import type { DeployError } from '@deploy-tools/shared/errors.js';

/** How a poll, and the deployment that it led to, ended. */
export type AttemptResult =
  /** What is wanted runs already. */
  | { readonly kind: 'current'; readonly hash: string }
  | { readonly kind: 'deployed'; readonly hash: string }
  /** It failed before, the host vetoed it, or its random delay is not over; `ms` may be infinite. */
  | { readonly kind: 'waiting'; readonly hash: string; readonly ms: number; readonly isDelayed?: true }
  /** The attempt has ended, and everything that follows its failure is done. */
  | { readonly kind: 'failed' | 'rolled-back' | 'inconsistent'; readonly error: DeployError }
  /** It is resumed, begun anew, or tried again: the agent stops, the connection is lost, another release is wanted. */
  | { readonly kind: 'interrupted'; readonly error: DeployError };

/** A result that says why something failed. */
export type Failure = Extract<AttemptResult, { readonly error: DeployError }>;

export function isFailure(result: AttemptResult): result is Failure {
  return 'error' in result;
}
