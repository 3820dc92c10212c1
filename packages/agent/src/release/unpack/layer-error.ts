import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';

/** An error with the layer that it is about. @param label `code:v1`. */
export function layerError(label: string, error: unknown): DeployError {
  const { kind, message, hint } = toDeployError(error);
  return new DeployError(kind, `layer ${label}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}
