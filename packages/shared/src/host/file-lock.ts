import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { tryLock } from 'fs-native-extensions';

/** An exclusive lock. The kernel releases it when the process ends, in any way. */
export interface HeldLock {
  release(): void;
}

/**
 * Takes an exclusive lock of the kernel on a file that is open for writing. The lock ends when the file is closed or the process
 * ends.
 * @returns false when another process has the lock.
 */
export function tryLockFile(fd: number): boolean {
  return tryLock(fd);
}

/**
 * Takes the lock of a file (0600), which is made if it is missing and never removed. The file contains the id of the process that
 * has the lock.
 * @param inUse makes the error when another process has the lock; gets its id, or an empty text.
 * @throws the error of `inUse`; system errors.
 */
export function takeLockFile(path: string, inUse: (pid: string) => Error): HeldLock {
  const fd = openSync(path, 'a+', 0o600);
  if (!tryLockFile(fd)) {
    const owner = readOwner(fd);
    closeSync(fd);
    throw inUse(owner);
  }
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`);
  return { release: () => closeSync(fd) };
}

function readOwner(fd: number): string {
  const digits = Buffer.alloc(20);
  return digits.toString('latin1', 0, readSync(fd, digits, 0, digits.length, 0)).trim();
}
