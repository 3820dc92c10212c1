import { serviceManager } from '@deploy-tools/shared/host/service-manager.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { AgentSignals } from '../../host/agent-signals.js';
import { controlPath } from '../../tell/control/call-agent.js';
import { answerControl, type Controlled } from '../../tell/control/configuration-control.js';
import { serveControl } from '../../tell/control/control-server.js';

interface Daemon {
  /** Absolute path of the directory with the control socket. */
  readonly dir: string;
  readonly log: Logger;
  readonly signals: AgentSignals;
  /** What the control socket reaches, by configuration; undefined for an agent that polls once. */
  readonly controlled: (() => ReadonlyMap<string, Controlled>) | undefined;
  /** SIGHUP. */
  readonly onHangup: () => void;
  /** SIGUSR1. */
  readonly onRestart: () => void;
  /** Fields of the log line `agent ready`. */
  readonly ready: object;
  /** Names of configurations or the source, for the service manager. */
  readonly follows: string;
  /** Follows until the signal. @returns the exit status. */
  readonly run: () => Promise<number>;
  readonly close: () => Promise<void>;
}

/** Runs an agent: opens the control socket, reports to the service manager, listens to signals; closes everything at its end. */
export async function runDaemon(daemon: Daemon): Promise<number> {
  const { dir, log, signals, controlled } = daemon;
  const manager = serviceManager({
    environment: process.env,
    pid: process.pid,
    onTrouble: (message) => log.warn(message),
  });
  let control: Awaited<ReturnType<typeof serveControl>> | undefined;
  try {
    if (controlled !== undefined)
      control = await serveControl({
        path: controlPath(dir),
        answer: (request) => answerControl(controlled(), request),
        log,
      });
    signals.stop.addEventListener('abort', () => manager.stopping(), { once: true });
    signals.onHangup(daemon.onHangup);
    signals.onRestart(daemon.onRestart);
    log.info(daemon.ready, 'agent ready');
    manager.ready(`following ${daemon.follows}`);
    return await daemon.run();
  } finally {
    control?.close();
    await daemon.close();
    await manager.close();
  }
}
