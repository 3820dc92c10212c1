import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { HeldLock } from '@deploy-tools/shared/host/file-lock.js';
import type { Logger } from '@deploy-tools/shared/log.js';

/** The exit status of flock(1) for a lock of another process. */
const HELD = 1;

/**
 * Takes the lock of flock(2) that the Go agent takes on its directory, so that only one of the two agents runs. Node.js has no
 * flock, but such a lock belongs to the open file, not to the process: flock(1) of util-linux or BusyBox takes it on a
 * file that this process keeps open. Without flock(1) there is a warning and no lock.
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
