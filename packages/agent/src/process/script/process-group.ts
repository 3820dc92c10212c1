import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { groupRuns, runningProcess } from '../../host/process-identity.js';
import type { Timers } from '../../host/timers.js';

const LOOK_EVERY_MS = 50;
/** Each fifth look examines all processes of the host, to tell a running group from one whose parent has not waited for it. */
const LOOK_CLOSELY = 5;
/** A killed process ends within milliseconds, unless the kernel hangs or it is another user's, for which nobody can wait. */
const KILLED_WITHIN_MS = 250;
const LOOK_FOR_KILLED_MS = 5;

/** Signals every process of a group. @see signalProcess */
export function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  return signalProcess(-leader, signal);
}

/**
 * Signals a process, or a group by its negative number. A process that became another user's cannot be signalled.
 * @returns whether there is any process, signalled or not.
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
 * Ends a process group, whose leader may have ended before: TERM, and KILL for the rest after a while. Resolves when no process
 * is left, or KILL was sent.
 */
export async function endGroup(leader: number, killAfterMs: number): Promise<void> {
  signalGroup(leader, 'SIGTERM');
  if (!(await groupEnds(leader, killAfterMs, LOOK_EVERY_MS))) signalGroup(leader, 'SIGKILL');
}

/** Kills a process group. Resolves when none of it runs, or the rest cannot be killed. */
export async function killGroup(leader: number): Promise<void> {
  signalGroup(leader, 'SIGKILL');
  await groupEnds(leader, KILLED_WITHIN_MS, LOOK_FOR_KILLED_MS);
}

/** Waits for the end of a group. @returns whether it came in time. */
async function groupEnds(leader: number, withinMs: number, lookEveryMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  for (let look = 1; signalGroup(leader, 0); look += 1) {
    if (look % LOOK_CLOSELY === 0 && groupRuns(leader) === false) return true;
    if (performance.now() >= end) return false;
    await sleep(lookEveryMs);
  }
  return true;
}

/**
 * Waits for the end of a process of an earlier agent; the system announces the end of child processes only.
 * @param identity by processIdentity.
 * @returns whether it came in time. @throws AbortError.
 */
export async function processEnds(
  identity: string,
  withinMs: number,
  { timers, signal }: { readonly timers: Timers; readonly signal?: AbortSignal },
): Promise<boolean> {
  const end = timers.now() + withinMs;
  while (runningProcess(identity) !== undefined) {
    if (timers.now() >= end) return false;
    await timers.sleep(LOOK_EVERY_MS, signal);
  }
  return true;
}
