import type { Logger } from '@deploy-tools/shared/log.js';
import { runningProcess } from '../../host/process-identity.js';
import { systemTimers } from '../../host/timers.js';
import { endGroup, processEnds } from './process-group.js';
import { KILL_AFTER_MS } from './run-in-group.js';

/**
 * Waits for the script of an agent that was killed: two scripts at once could undo each other's work. Ends its group after the
 * timeout.
 * @param script by processIdentity.
 * @throws AbortError when the signal is aborted; the script then runs on.
 */
export async function awaitEarlierScript(
  { script, timeoutMs }: { readonly script: string; readonly timeoutMs: number },
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const pid = runningProcess(script);
  if (pid === undefined) return;
  log.warn({ pid }, 'the script that an earlier agent started still runs, waiting for it');
  if (await processEnds(script, timeoutMs, { timers: systemTimers, signal })) return;
  log.warn({ pid }, 'the script takes too long and is stopped');
  await endGroup(pid, KILL_AFTER_MS);
}
