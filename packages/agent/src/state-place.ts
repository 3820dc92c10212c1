import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';

/** To find out only after the script has run would run it again and again. */
export function checkStatePlace(state: string): void {
  try {
    accessSync(dirname(state), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new DeployError('denied', `the state file ${state} cannot be written (${errnoOf(error)})`, {
      hint: 'check -state, and that its directory exists and is writable',
      cause: error,
    });
  }
}
