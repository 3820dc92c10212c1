import { join, resolve } from 'node:path';
import type { ConnectOptions } from '@deploy-tools/shared/client/connect.js';
import { Turns } from '@deploy-tools/shared/host/turns.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Hello } from '@deploy-tools/shared/report/report.js';
import type { AgentSettings } from '../../deploy/agent-context.js';
import { followConfiguration } from '../../follow/follow-configuration.js';
import { Redials } from '../../follow/redials.js';
import { RegistryLink } from '../../follow/registry-link.js';
import { RegistryUpstream } from '../../follow/registry-upstream.js';
import { RegistryWatch } from '../../follow/registry-watch.js';
import type { AgentSignals } from '../../host/agent-signals.js';
import { systemTimers } from '../../host/timers.js';
import { warnOfIdlePorts } from '../../process/supervise/handed-in-sockets.js';
import type { Launch } from '../../process/supervise/start-child.js';
import { programSettings } from '../../process/supervise/supervise-flags.js';
import { OutcomeStore } from '../../tell/report/outcome-store.js';
import { reportIdentity } from '../../tell/report/report-identity.js';
import { Reporter } from '../../tell/report/reporter.js';
import { type AgentFlags, agentSettings } from '../flags/agent-settings.js';
import { takeAgentPlaces } from './agent-places.js';
import type { Application } from './application.js';
import { openApplication } from './open-application.js';
import { registryAccess } from './registry-access.js';
import { runDaemon } from './run-daemon.js';

/** How long `-once` waits for the registry to store the outcome. */
const LAST_REPORT_MS = 2000;

/** What a daemon is started with. */
export interface DaemonStart {
  readonly flags: AgentFlags;
  /** Of the supervised program. */
  readonly command: Launch['command'] | undefined;
  readonly log: Logger;
  readonly signals: AgentSignals;
}

/**
 * The agent that follows one configuration of a registry: checks what was asked for, takes the directory, runs.
 * @throws DeployError with one sentence for each reason not to start.
 */
export async function startAgent(start: DaemonStart): Promise<number> {
  const { flags, command, log, signals } = start;
  const settings = agentSettings(flags, command);
  const hello = reportIdentity(flags.host, flags.label);
  const dir = resolve(flags.dir);
  const state = resolve(flags.state);
  const connect = await registryAccess(flags, signals.stop);
  const lock = takeAgentPlaces({ dir, state, user: settings.user }, log);
  try {
    if (command !== undefined) warnOfIdlePorts(flags.port, log);
    return await follow({ ...start, settings, hello, dir, state, connect });
  } finally {
    lock.release();
  }
}

interface Following extends DaemonStart {
  readonly settings: AgentSettings;
  readonly hello: Omit<Hello, 'configs'>;
  readonly dir: string;
  readonly state: string;
  readonly connect: ConnectOptions;
}

async function follow(following: Following): Promise<number> {
  const { flags, command, log, signals, settings, dir, state } = following;
  const { name } = settings;
  const { once, poll: pollMs } = flags;
  const application = await openApplication({
    settings,
    dir,
    state,
    log,
    signal: signals.stop,
    program: programSettings(flags, command),
    onChange: () => registry.reporter.changed(name),
    onProgress: () => registry.reporter.progressed(name),
  });
  const { context, pushes } = application;
  const registry = openRegistry(following, application);
  const { upstream, link, reporter } = registry;
  const controlled = () => new Map([[name, application.controlled(() => link.state)]]);
  return await runDaemon({
    dir,
    log,
    signals,
    controlled: once ? undefined : controlled,
    onHangup: () => {
      pushes.nudge();
      application.restartProgram();
    },
    onRestart: () => application.restartProgram(),
    ready: { configuration: name, dir, registry: flags.addr },
    follows: name,
    run: async () => {
      if (once) context.releases.threads.start(true); // They are likely to be needed, and ready by then.
      const loop = { upstream, pushes, pollMs, once, random: Math.random };
      const status = await followConfiguration(context, loop);
      if (once) await reporter.settled(LAST_REPORT_MS);
      return status;
    },
    close: async () => {
      await application.close();
      reporter.close();
      link.close();
    },
  });
}

/** The registry, over one connection: what is wanted and fetched from it, and what is reported to it. */
function openRegistry({ flags, log, hello, dir, connect }: Following, application: Application) {
  const { pushes, context } = application;
  const { name } = context.settings;
  const { once, poll: pollMs } = flags;
  const reported = {
    present: () => application.present(),
    onRetry: () => application.retry(),
    onCancel: (by: string) => application.cancel(by),
  };
  const outcomes = new OutcomeStore(join(dir, 'outcomes.jsonl'));
  const reporter = new Reporter({ hello, configs: new Map([[name, reported]]), outcomes, log });
  const watch = new RegistryWatch({ pushes: new Map([[name, pushes]]), silenceMs: flags.silence, log });
  const link = new RegistryLink({ ...connect, maxBandwidth: flags['max-bandwidth'] }, log, (connection) => {
    if (flags.watch && !once) watch.follow(connection);
    if (flags.report) reporter.follow(connection);
  });
  const redials = new Redials({ pollMs, random: Math.random }, systemTimers);
  const upstream = new RegistryUpstream({ link, name, polls: new Turns(1), redials });
  // The registry's part of the handshake goes on meanwhile; the first use of the session meets what goes wrong.
  if (once) link.sftp().catch(() => undefined);
  return { link, upstream, reporter };
}
