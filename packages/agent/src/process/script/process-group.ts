import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { groupRuns } from '../../host/process-identity.js';

const LOOK_EVERY_MS = 50;
/** To tell what runs from what only was not taken note of takes a look at every process of the host: at each fifth. */
const LOOK_CLOSELY = 5;
/** What was killed is gone within a few milliseconds; what is not cannot be waited for: a kernel that hangs, another user's process. */
const KILLED_WITHIN_MS = 250;
const LOOK_FOR_KILLED_MS = 5;

/** Signals every process of a group. @see signalProcess */
export function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  return signalProcess(-leader, signal);
}

/**
 * Signals a process, or a group by its negative number. One that became another user's cannot be ended from here and is
 * left alone.
 * @returns whether there is any that was, or might have been, signalled.
 */
export function signalProcess(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(target, signal);
    return true;
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ESRCH') return false;
    if (code === 'EPERM') return true;
    throw error;
  }
}

/**
 * Ends a process group: TERM, and KILL for what is left after a while. The leader may be gone before the others.
 * Resolves when none is left, or KILL was sent.
 */
export async function endGroup(leader: number, killAfterMs: number): Promise<void> {
  signalGroup(leader, 'SIGTERM');
  const end = performance.now() + killAfterMs;
  for (let look = 1; signalGroup(leader, 0); look += 1) {
    if (look % LOOK_CLOSELY === 0 && groupRuns(leader) === false) return;
    if (performance.now() >= end) {
      signalGroup(leader, 'SIGKILL');
      return;
    }
    await sleep(LOOK_EVERY_MS);
  }
}

/** Kills a process group. Resolves when nothing of it runs, or what runs cannot be killed. */
export async function killGroup(leader: number): Promise<void> {
  signalGroup(leader, 'SIGKILL');
  const end = performance.now() + KILLED_WITHIN_MS;
  for (let look = 1; signalGroup(leader, 0) && performance.now() < end; look += 1) {
    if (look % LOOK_CLOSELY === 0 && groupRuns(leader) === false) return;
    await sleep(LOOK_FOR_KILLED_MS);
  }
}
