import { formatDuration } from '@deploy-tools/shared/duration.js';

/**
 * Calls off what a check began, when it takes too long or is not wanted any more. To be cleared when it is done.
 * @param callOff gets the error that the check fails with.
 */
export function limitCheck(
  timeoutMs: number,
  signal: AbortSignal,
  callOff: (error: Error) => void,
): { clear(): void } {
  const abort = (): void => callOff(new Error('called off'));
  const timer = setTimeout(
    () => callOff(new Error(`no answer within ${formatDuration(Math.ceil(timeoutMs))}`)),
    timeoutMs,
  );
  signal.addEventListener('abort', abort, { once: true });
  return {
    clear: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}
