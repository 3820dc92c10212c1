import { closeSync, constants, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { tryLockFile } from '@deploy-tools/shared/host/file-lock.js';
import type { Timers } from '../timers.js';

const LOOK_EVERY_MS = 200;

export interface LockRequest {
  /** For messages. */
  readonly dest: string;
  /** Path of the file that is locked; made where it is not there, and left. */
  readonly path: string;
  /** Whether to wait until it is free. */
  readonly waits: boolean;
  readonly timers: Timers;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Makes sure that nobody else deploys to a destination meanwhile. The kernel releases the lock when the process ends,
 * however it ends.
 * @returns to release it.
 * @throws DeployError locked; denied; cancelled.
 */
export async function lockDestination(request: LockRequest): Promise<() => void> {
  const { dest, path, waits, timers, log, signal } = request;
  const fd = openLock(dest, path);
  try {
    for (let look = 1; !tryLockFile(fd); look += 1) {
      const owner = ownerOf(fd);
      if (!waits)
        throw new DeployError('locked', `${owner} is deploying to ${dest}`, {
          hint: 'try again later, or wait for it with -busy wait',
        });
      if (look === 1) log(`waiting: ${owner} is deploying to ${dest}`);
      await timers.sleep(LOOK_EVERY_MS, signal);
    }
    ftruncateSync(fd, 0);
    writeSync(fd, `${process.pid}\n`, 0);
    return () => closeSync(fd);
  } catch (error) {
    closeSync(fd);
    throw toDeployError(error);
  }
}

function openLock(dest: string, path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    const { kind, message } = toDeployError(error);
    throw new DeployError(kind, `cannot make sure that nobody else deploys to ${dest}: ${message}`, {
      hint: 'deploy to it as always the same user',
      cause: error,
    });
  }
}

function ownerOf(fd: number): string {
  const digits = Buffer.alloc(20);
  const pid = digits.toString('latin1', 0, readSync(fd, digits, 0, digits.length, 0)).trim();
  return pid === '' ? 'another process' : `process ${pid}`;
}
