import { setTimeout as delay } from 'node:timers/promises';
import { PATIENCE_MS } from './patience.js';

const EVERY_MS = 20;

/**
 * Waits until a condition holds that nobody announces, such as another process's files. Where there is an event or a
 * log line, wait for that instead.
 * @param what for the message when the time is over.
 */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = PATIENCE_MS,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(EVERY_MS);
  }
}
