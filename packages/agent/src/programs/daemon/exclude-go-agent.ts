import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { HeldLock } from '@deploy-tools/shared/host/file-lock.js';
import type { Logger } from '@deploy-tools/shared/log.js';

/** The status of flock(1) for a lock that another process has. */
const HELD = 1;

/**
 * Holds the lock of flock(2) on a directory that the Go agent of deploy-tools holds while it runs, so that neither starts beside
 * the other. Node.js has no flock, but such a lock belongs to the open file, not to the process: flock(1) of util-linux or
 * BusyBox takes it on a file of this process, which keeps it. Where that is missing the lock is left out, and said so.
 * @throws DeployError locked.
 */
export function excludeGoAgent(dir: string, log: Logger): HeldLock {
  const fd = openSync(dir, 'r');
  const { status, error, stderr } = spawnSync('flock', ['-n', '3'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    encoding: 'utf8',
  });
  const complaint = error?.message ?? stderr.trim();
  if (status === HELD && complaint === '') {
    closeSync(fd);
    throw new DeployError('locked', `${dir} is locked by another program, as the Go deploy-agent locks it`, {
      hint: 'stop that agent first, or give this one another -dir',
    });
  }
  if (status !== 0)
    log.warn(
      { dir, reason: complaint },
      'cannot make sure that no Go deploy-agent runs on this directory: flock(1) does not work here',
    );
  return { release: () => closeSync(fd) };
}
