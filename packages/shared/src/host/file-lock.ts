import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { tryLock } from 'fs-native-extensions';

/** An exclusive lock; the kernel releases it when the process ends, however it ends. */
export interface HeldLock {
  release(): void;
}

/**
 * Takes an exclusive lock of the kernel on a file that is open for writing. It is released when the file is closed, or the
 * process ends, however it ends.
 * @returns false when another process has it.
 */
export function tryLockFile(fd: number): boolean {
  return tryLock(fd);
}

/**
 * Takes the lock of a file (0600) that is made where it is not there, and left; it holds the process id of who has the lock.
 * @param inUse makes the error; called with that process id, which is empty when it is not known.
 * @throws what `inUse` makes; system errors as they are.
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
