/** Aborted by SIGTERM or SIGINT, whichever comes first; a second one ends the process at once. */
export function stopSignal(onStop: (signal: NodeJS.Signals) => void): AbortSignal {
  const stop = new AbortController();
  const listener = (signal: NodeJS.Signals) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.removeListener(name, listener);
      process.once(name, () => process.exit(1));
    }
    onStop(signal);
    stop.abort();
  };
  process.once('SIGTERM', listener).once('SIGINT', listener);
  return stop.signal;
}
