import { accessSync, constants } from 'node:fs';
import { join, resolve } from 'node:path';
import { DeployError, errnoOf, toDeployError } from '../errors.js';
import { type HeldLock, takeLockFile } from './file-lock.js';
import { makeDirectory } from './make-directory.js';

/**
 * Takes the lock `<dir>/lock`; the error names the process that has it.
 * @param holder the kind of program, for the message: `registry`, `agent`.
 * @throws DeployError locked; system errors as they are.
 */
export function lockDirectory(dir: string, holder: string): HeldLock {
  return takeLockFile(join(dir, 'lock'), (owner) => {
    const who = `another ${holder}${owner === '' ? '' : ` (process ${owner})`}`;
    return new DeployError('locked', `${dir} is in use by ${who}`, {
      hint: 'stop it first, or give this one another -dir',
    });
  });
}

/**
 * Makes a program's directory if it is missing, checks that it is writable, and takes its lock.
 * @param mode of a new directory.
 * @throws DeployError denied, locked.
 */
export function takeDirectory(dir: string, holder: string, mode: number): HeldLock {
  try {
    makeDirectory(resolve(dir), mode);
    accessSync(dir, constants.W_OK | constants.X_OK);
    return lockDirectory(dir, holder);
  } catch (error) {
    if (error instanceof DeployError) throw error;
    const known = toDeployError(error);
    if (known.kind === 'no-space')
      throw new DeployError('no-space', `the data directory ${dir}: ${known.message}`, {
        hint: 'free some space on this host',
        cause: error,
      });
    throw new DeployError(
      'denied',
      `the data directory ${dir} is not writable (${errnoOf(error) ?? String(error)})`,
      {
        hint: 'check -dir and who owns it',
        cause: error,
      },
    );
  }
}
