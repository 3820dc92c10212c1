import { spawnSync } from 'node:child_process';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';

/** The status of the command that runs under the lock. flock(1) itself has 1 for a lock that is held, silently. */
const FREE = 75;
const HELD = 1;

/**
 * Makes sure that the original registry does not run on this state.db: it holds a lock of flock(2) on it. Node.js
 * has no flock, so flock(1) of util-linux or BusyBox is asked; where that is missing the check is left out,
 * and said so. The lock is not kept: see the comparison of transaction numbers in take-over.ts.
 * @throws DeployError locked.
 */
export function checkOriginalStopped(path: string, log: Logger): void {
  const args = ['-n', '-s', path, 'sh', '-c', `exit ${FREE}`];
  const { status, error, stderr } = spawnSync('flock', args, { encoding: 'utf8', timeout: 10_000 });
  if (status === FREE) return;
  if (status === HELD && stderr === '') {
    throw new DeployError('locked', `the original deploy-registry is running on ${path}`, {
      hint: 'stop it first',
    });
  }
  log.warn(
    { path, reason: error?.message ?? stderr.trim() },
    'cannot see whether the original deploy-registry still runs on this directory: flock(1) does not work here',
  );
}
