import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import { DeployError } from '../errors.js';

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
    const owner = readFileSync(path, 'utf8').trim();
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
