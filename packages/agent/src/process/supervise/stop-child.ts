import type { Timers } from '../../host/timers.js';
import { endGroup, signalGroup, signalProcess } from '../script/process-group.js';
import type { ProgramChild } from './start-child.js';

/**
 * Ends a program: TERM to the program alone, which may have workers to drain; when it has ended, TERM to what it left
 * behind in its group; KILL to the whole group when there is still something after the timeout.
 * @returns `killed` when the program itself did not end in time.
 */
export async function stopChild(
  child: Pick<ProgramChild, 'pid' | 'died' | 'ended'>,
  stopTimeoutMs: number,
  timers: Timers,
): Promise<'ended' | 'killed'> {
  const end = timers.now() + stopTimeoutMs;
  if (!child.died.aborted) signalProcess(child.pid, 'SIGTERM');
  await timers.sleep(stopTimeoutMs, child.died).catch((error: unknown) => {
    if (!child.died.aborted) throw error;
  });
  const inTime = child.died.aborted;
  if (inTime) await endGroup(child.pid, Math.max(0, end - timers.now()));
  else signalGroup(child.pid, 'SIGKILL');
  await child.ended;
  return inTime ? 'ended' : 'killed';
}
