import type { Logger } from '@deploy-tools/shared/log.js';
import { stopSignal } from './stop-signal.js';

/** What the service manager and people ask of a running agent. */
export interface AgentSignals {
  /** SIGTERM, SIGINT, SIGQUIT. */
  readonly stop: AbortSignal;
  /** SIGHUP. */
  readonly onHangup: (listener: () => void) => void;
  /** SIGUSR1: the supervised program is to be started anew. */
  readonly onRestart: (listener: () => void) => void;
  /** That the agent is to stop is logged from now on. */
  readonly logTo: (log: Logger) => void;
}

/**
 * The signals of this process, which none of them ends from now on. The first listener also gets those that came before it.
 */
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
