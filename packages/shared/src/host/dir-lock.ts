import { accessSync, closeSync, constants, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import { DeployError, errnoOf, toDeployError } from '../errors.js';
import { makeDirectory } from './make-directory.js';

/** An exclusive lock on a directory; the kernel releases it when the process ends, however it ends. */
export interface DirLock {
  release(): void;
}

/**
 * Takes the lock `<dir>/lock`, or says which process holds it.
 * @param holder what is taking it, for the message: `registry`, `agent`.
 * @throws DeployError locked; system errors as they are.
 */
export function lockDirectory(dir: string, holder: string): DirLock {
  const path = join(dir, 'lock');
  const fd = openSync(path, 'a+', 0o600);
  if (!tryLock(fd)) {
    const owner = readOwner(fd);
    closeSync(fd);
    throw new DeployError(
      'locked',
      `${dir} is in use by another ${holder}${owner === '' ? '' : ` (process ${owner})`}`,
      {
        hint: 'stop it first, or give this one another -dir',
      },
    );
  }
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`);
  return { release: () => closeSync(fd) };
}

function readOwner(fd: number): string {
  const digits = Buffer.alloc(20);
  return digits.toString('latin1', 0, readSync(fd, digits, 0, digits.length, 0)).trim();
}

/**
 * Makes sure that a program's directory is there, is writable and is nobody else's, and takes its lock.
 * @param mode of the directory, when it has to be made.
 * @throws DeployError denied, locked.
 */
export function takeDirectory(dir: string, holder: string, mode: number): DirLock {
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
