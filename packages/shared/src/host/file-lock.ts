import { tryLock } from 'fs-native-extensions';

/**
 * Takes an exclusive lock of the kernel on a file that is open for writing. It is released when the file is closed, or the
 * process ends, however it ends.
 * @returns false when another process has it.
 */
export function tryLockFile(fd: number): boolean {
  return tryLock(fd);
}
