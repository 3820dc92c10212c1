import { runningProcess } from '../../host/process-identity.js';
import type { Timers } from '../../host/timers.js';
import { endGroup, signalGroup, signalProcess } from '../script/process-group.js';
import { readChildren, writeChildren } from './child-record.js';

const LOOK_EVERY_MS = 50;

export interface EarlierChildren {
  /** As the supervisor of the earlier agent had it. */
  readonly recordPath: string;
  readonly stopTimeoutMs: number;
  readonly timers: Timers;
  /** A program was sent its stop signal. */
  readonly onFound: (pid: number) => void;
}

/**
 * Ends what an agent that was killed has left running: it served on without it, but its sockets cannot be taken over,
 * and while it holds them nobody else can listen there. To be called before the ports are opened. Drained like any
 * other: TERM, and KILL to the group after the timeout.
 *
 * This is a gap in service of as long as the program takes to drain, once, after a kill -9 of the agent.
 */
export async function endEarlierChildren(earlier: EarlierChildren): Promise<void> {
  const children = readChildren(earlier.recordPath).map(({ process }) => process);
  await Promise.all(children.map((child) => endEarlier(child, earlier)));
  writeChildren(earlier.recordPath, []);
}

/** Nobody tells when a process ends that is not a child, so it is looked at. */
async function endEarlier(
  identity: string,
  { stopTimeoutMs, timers, onFound }: EarlierChildren,
): Promise<void> {
  const pid = runningProcess(identity);
  if (pid === undefined) return;
  onFound(pid);
  const end = timers.now() + stopTimeoutMs;
  signalProcess(pid, 'SIGTERM');
  while (runningProcess(identity) !== undefined) {
    if (timers.now() >= end) {
      signalGroup(pid, 'SIGKILL');
      return;
    }
    await timers.sleep(LOOK_EVERY_MS);
  }
  await endGroup(pid, Math.max(0, end - timers.now()));
}
