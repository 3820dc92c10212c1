/**
 * A signal that is aborted when one of these is, with its reason. `clear` detaches it; AbortSignal.any would keep it in memory as long
 * as the longest-lived of them.
 */
export function eitherSignal(...signals: readonly (AbortSignal | undefined)[]): {
  readonly signal: AbortSignal;
  clear(): void;
} {
  const either = new AbortController();
  const abort = (): void => either.abort(signals.find((signal) => signal?.aborted === true)?.reason);
  for (const signal of signals) {
    if (signal?.aborted === true) abort();
    signal?.addEventListener('abort', abort, { once: true });
  }
  const clear = (): void => {
    for (const signal of signals) signal?.removeEventListener('abort', abort);
  };
  return { signal: either.signal, clear };
}

/** Resolves when the signal is aborted. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
