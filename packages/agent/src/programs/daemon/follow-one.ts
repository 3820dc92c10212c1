import { resolve } from 'node:path';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { AgentSettings } from '../../deploy/agent-context.js';
import type { LinkState, Upstream } from '../../deploy/upstream.js';
import type { LoopControl } from '../../deploy/wishes.js';
import { followConfiguration } from '../../follow/follow-configuration.js';
import type { AgentSignals } from '../../host/agent-signals.js';
import { warnOfIdlePorts } from '../../process/supervise/handed-in-sockets.js';
import type { Launch } from '../../process/supervise/start-child.js';
import type { AgentFlags } from '../flags/agent-settings.js';
import type { Application } from './application.js';
import { openApplication } from './open-application.js';
import { runDaemon } from './run-daemon.js';

export interface DaemonStart {
  readonly flags: AgentFlags;
  /** Names of flags that were given. */
  readonly given: ReadonlySet<string>;
  /** Of the supervised program. */
  readonly command: Launch['command'] | undefined;
  readonly log: Logger;
  readonly signals: AgentSignals;
}

/** The registry or source that an agent of one configuration follows. */
export interface OpenUpstream {
  readonly upstream: Upstream;
  readonly loop: LoopControl;
  /** The connection to the registry; undefined for a source. */
  readonly link?: () => LinkState;
  /** Fields of the log line `agent ready`. */
  readonly ready: object;
  /** Its name for the service manager. */
  readonly label: string;
  /** The application has changed. Must not throw. */
  readonly onChange: () => void;
  readonly onProgress: () => void;
  /** Waits for the last report of an agent that polls once. */
  readonly settle?: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * Runs an agent of one configuration until the signal: opens the application, then `connect`s it.
 * @throws DeployError with one sentence for each reason not to start.
 */
export async function followOne(
  { flags, command, log, signals }: DaemonStart,
  settings: AgentSettings,
  connect: (application: Application) => OpenUpstream,
): Promise<number> {
  let opened: OpenUpstream | undefined;
  if (command !== undefined) warnOfIdlePorts(flags.port, log);
  const application = await openApplication({
    flags,
    command,
    settings,
    log,
    signal: signals.stop,
    onChange: () => opened?.onChange(),
    onProgress: () => opened?.onProgress(),
  });
  opened = connect(application);
  const { upstream, loop, link, ready, label, settle, close } = opened;
  const { once, poll: pollMs } = flags;
  const { pushes, context } = application;
  const { name } = settings;
  const dir = resolve(flags.dir);
  const running = runDaemon({
    dir,
    log,
    signals,
    controlled: once ? undefined : () => new Map([[name, application.controlled(link, loop)]]),
    onHangup: () => {
      loop.nudge();
      application.restartProgram();
    },
    onRestart: () => application.restartProgram(),
    ready: { configuration: name, dir, ...ready },
    follows: label,
    run: async () => {
      const options = { upstream, pushes, pollMs, once, random: Math.random };
      const status = await followConfiguration(context, options);
      if (once) await settle?.();
      return status;
    },
    close: async () => {
      await application.close();
      await close();
    },
  });
  return await running.finally(() => application.release());
}
