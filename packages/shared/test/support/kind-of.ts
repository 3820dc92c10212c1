import { DeployError, type ErrorKind } from '@deploy-tools/shared/errors.js';

export type Outcome = ErrorKind | 'nothing thrown' | 'not a DeployError';

/** The kind of what a call throws; anything but a DeployError is told apart, so that a test fails on it. */
export function kindOf(work: () => unknown): Outcome {
  try {
    work();
    return 'nothing thrown';
  } catch (error) {
    return kindOfError(error);
  }
}

/** As {@link kindOf}, for a promise. */
export async function kindOfRejection(work: Promise<unknown>): Promise<Outcome> {
  try {
    await work;
    return 'nothing thrown';
  } catch (error) {
    return kindOfError(error);
  }
}

function kindOfError(error: unknown): Outcome {
  return error instanceof DeployError ? error.kind : 'not a DeployError';
}
