import type { Logger } from '@deploy-tools/shared/log.js';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;

/** The signals that a service manager or an operator sends to the agent. */
export interface AgentSignals {
  /** SIGTERM, SIGINT, SIGQUIT. */
  readonly stop: AbortSignal;
  /** SIGHUP. */
  readonly onHangup: (listener: () => void) => void;
  /** SIGUSR1: restart the supervised program. */
  readonly onRestart: (listener: () => void) => void;
  /** Sets the log for the end of the agent. */
  readonly logTo: (log: Logger) => void;
}

/** Handles the signals of this process, which do not end it from now on. The first listener also gets an earlier signal. */
export function agentSignals(): AgentSignals {
  let log: Logger | undefined;
  return {
    stop: stopSignal((signal) => log?.info({ signal }, 'stopping; a running script is waited for')),
    onHangup: listeningFor('SIGHUP'),
    onRestart: listeningFor('SIGUSR1'),
    logTo: (to) => {
      log = to;
    },
  };
}

function listeningFor(name: NodeJS.Signals): (listener: () => void) => void {
  let isDue = false;
  let listener = (): void => {
    isDue = true;
  };
  process.on(name, () => listener());
  return (next) => {
    listener = next;
    if (isDue) next();
    isDue = false;
  };
}

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
