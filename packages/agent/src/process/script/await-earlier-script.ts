import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@deploy-tools/shared/log.js';
import { runningProcess } from '../../host/process-identity.js';
import { endGroup } from './process-group.js';
import { KILL_AFTER_MS } from './run-in-group.js';

const LOOK_EVERY_MS = 200;

/**
 * Waits for a script that an agent which was killed had started: two scripts at once could undo each other's work.
 * After the timeout its group is ended like any other.
 * @param script as processIdentity names it.
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
  if (await endsWithin(script, timeoutMs, signal)) return;
  log.warn({ pid }, 'it takes too long and is stopped');
  await endGroup(pid, KILL_AFTER_MS);
}

/** Checks at intervals: the system reports the end of child processes only. */
async function endsWithin(script: string, ms: number, signal: AbortSignal): Promise<boolean> {
  const end = performance.now() + ms;
  while (runningProcess(script) !== undefined) {
    if (performance.now() > end) return false;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
  return true;
}
