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
}

/** Those of this process. */
export function agentSignals(log: Logger): AgentSignals {
  return {
    stop: stopSignal((signal) => log.info({ signal }, 'stopping; a running script is waited for')),
    onHangup: (listener) => void process.on('SIGHUP', listener),
    onRestart: (listener) => void process.on('SIGUSR1', listener),
  };
}
