const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;

/** Aborted by SIGTERM, SIGINT or SIGQUIT, whichever comes first; a second one ends the process at once. */
export function stopSignal(onStop: (signal: NodeJS.Signals) => void): AbortSignal {
  const stop = new AbortController();
  const listener = (signal: NodeJS.Signals) => {
    for (const name of STOP_SIGNALS) {
      process.removeListener(name, listener);
      process.once(name, () => process.exit(1));
    }
    onStop(signal);
    stop.abort();
  };
  for (const name of STOP_SIGNALS) process.once(name, listener);
  return stop.signal;
}
