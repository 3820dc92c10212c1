import { DeployError, isDeployError, toDeployError } from '@deploy-tools/shared/errors.js';

/** What went wrong below a directory of the registry: that its disk is full reads as the registry's, not the reader's. */
export function diskError(error: unknown, dir: string): DeployError {
  const failure = toDeployError(error);
  if (!isDeployError(failure, 'no-space')) return failure;
  return new DeployError('no-space', `the registry's disk is full, at ${dir}`, {
    hint: 'free some space there, for example by gc, and try again',
    cause: error,
  });
}
