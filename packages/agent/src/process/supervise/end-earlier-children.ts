import { runningProcess } from '../../host/process-identity.js';
import type { Timers } from '../../host/timers.js';
import { endGroup, processEnds, signalGroup, signalProcess } from '../script/process-group.js';
import { readChildren, writeChildren } from './child-record.js';

interface EarlierChildren {
  /** The record of the earlier agent's supervisor. */
  readonly recordPath: string;
  readonly stopTimeoutMs: number;
  readonly timers: Timers;
  /** A program was sent its stop signal. */
  readonly onFound: (pid: number) => void;
}

/**
 * Ends the programs of an agent that was killed, before the ports are opened: their sockets cannot be taken over, and block the
 * ports. They have time to drain like any other program. So after a kill -9 of the agent there is one gap in service.
 */
export async function endEarlierChildren(earlier: EarlierChildren): Promise<void> {
  const children = readChildren(earlier.recordPath).map(({ process }) => process);
  await Promise.all(children.map((child) => endEarlier(child, earlier)));
  writeChildren(earlier.recordPath, []);
}

async function endEarlier(
  identity: string,
  { stopTimeoutMs, timers, onFound }: EarlierChildren,
): Promise<void> {
  const pid = runningProcess(identity);
  if (pid === undefined) return;
  onFound(pid);
  const end = timers.now() + stopTimeoutMs;
  signalProcess(pid, 'SIGTERM');
  if (await processEnds(identity, stopTimeoutMs, { timers }))
    await endGroup(pid, Math.max(0, end - timers.now()));
  else signalGroup(pid, 'SIGKILL');
}
