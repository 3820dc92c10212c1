import { DeployError, isDeployError, toDeployError } from '@deploy-tools/shared/errors.js';

/** The error of an access below the registry's directory: a full disk is described as the registry's, not the client's. */
export function diskError(error: unknown, dir: string): DeployError {
  const failure = toDeployError(error);
  if (!isDeployError(failure, 'no-space')) return failure;
  return new DeployError('no-space', `the registry's disk is full, at ${dir}`, {
    hint: 'free some space there, for example by gc, and try again',
    cause: error,
  });
}
