import { setImmediate } from 'node:timers/promises';

/**
 * Repeats a step that keeps everybody else waiting until there is nothing left to do, or the signal is aborted. Between
 * two of them whatever came in meanwhile has its turn: SQLite gives nobody theirs.
 * @param step how much it did, 0 when there is nothing left.
 * @returns how much was done.
 */
export async function inSteps(step: () => Promise<number>, stopping: AbortSignal): Promise<number> {
  let all = 0;
  while (!stopping.aborted) {
    const done = await step();
    if (done === 0) break;
    all += done;
    await setImmediate();
  }
  return all;
}
