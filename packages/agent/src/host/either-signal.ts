/**
 * Aborted when one of the signals is, with its reason. AbortSignal.any would keep what it made alive as long as the
 * longest-lived of them; this is let go of by `clear`.
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
