import { join, resolve } from 'node:path';
import type { ConnectOptions } from '@deploy-tools/shared/client/connect.js';
import { serviceManager } from '@deploy-tools/shared/host/service-manager.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Hello } from '@deploy-tools/shared/report/report.js';
import type { AgentSettings } from '../../deploy/agent-context.js';
import { cancelAttempt } from '../../deploy/cancel-attempt.js';
import { AN_OPERATOR, retryHeld } from '../../deploy/retry-held.js';
import { type AgentLoop, runAgent } from '../../follow/follow-configuration.js';
import { hangUp, startAnew } from '../../follow/hang-up.js';
import { Pushes } from '../../follow/pushes.js';
import { RegistryLink } from '../../follow/registry-link.js';
import { RegistryWatch } from '../../follow/registry-watch.js';
import type { AgentSignals } from '../../host/agent-signals.js';
import { handedInSockets, warnOfIdleSockets } from '../../process/supervise/handed-in-sockets.js';
import { parseListenSpec } from '../../process/supervise/listen-spec.js';
import type { Launch } from '../../process/supervise/start-child.js';
import { programSettings } from '../../process/supervise/supervise-flags.js';
import { controlPath } from '../../tell/control/call-agent.js';
import { answerControl, type Controlled } from '../../tell/control/configuration-control.js';
import type { ControlRequest } from '../../tell/control/control-line.js';
import { serveControl } from '../../tell/control/control-server.js';
import { OutcomeStore } from '../../tell/report/outcome-store.js';
import { reportIdentity } from '../../tell/report/report-identity.js';
import { Reporter } from '../../tell/report/reporter.js';
import { type AgentFlags, agentSettings } from '../flags/agent-settings.js';
import { takeAgentPlaces } from './agent-places.js';
import { openApplication } from './open-application.js';
import { registryAccess } from './registry-access.js';

/** What `-once` waits for the registry to store the outcome. */
const LAST_WORD_MS = 2000;

/**
 * The one place that names concrete parts: checks what was asked for, takes the directory, runs.
 * @param command of the supervised program.
 * @throws DeployError with one sentence for each reason not to start.
 */
export async function startAgent(
  flags: AgentFlags,
  command: Launch['command'] | undefined,
  log: Logger,
  signals: AgentSignals,
): Promise<number> {
  const settings = agentSettings(flags, command);
  const hello = reportIdentity(flags.host, flags.label);
  const dir = resolve(flags.dir);
  const state = resolve(flags.state);
  const connect = await registryAccess(flags, signals.stop);
  const lock = takeAgentPlaces({ dir, state, user: settings.user }, log);
  try {
    if (command !== undefined)
      warnOfIdleSockets(flags.port.map(parseListenSpec), handedInSockets(process.env, process.pid), log);
    return await follow({ flags, command, log, signals, settings, hello, dir, state, connect });
  } finally {
    lock.release();
  }
}

interface Following {
  readonly flags: AgentFlags;
  readonly command: Launch['command'] | undefined;
  readonly log: Logger;
  readonly signals: AgentSignals;
  readonly settings: AgentSettings;
  readonly hello: Omit<Hello, 'configs'>;
  readonly dir: string;
  readonly state: string;
  readonly connect: ConnectOptions;
}

/** Everything that is held while the agent runs, and let go of at its end. */
async function follow(what: Following): Promise<number> {
  const { flags, command, log, signals, settings, hello, dir, state } = what;
  const { name } = settings;
  const application = await openApplication({
    ...{ settings, dir, state, log, signal: signals.stop },
    program: programSettings(flags, command),
    onChange: () => reporter.changed(name),
    onProgress: () => reporter.progressed(name),
  });
  const { context } = application;
  const pushes = new Pushes();
  const watch = new RegistryWatch({ pushes: new Map([[name, pushes]]), silenceMs: flags.silence, log });
  const onRetry = () => void retryHeld(context, pushes, AN_OPERATOR);
  const onCancel = (by: string) => cancelAttempt(context, pushes, by);
  const configs = new Map([[name, { present: application.present, onRetry, onCancel }]]);
  const outcomes = new OutcomeStore(join(dir, 'outcomes.jsonl'));
  const reporter = new Reporter({ hello, configs, outcomes, log });
  const reach = { ...what.connect, maxBandwidth: flags['max-bandwidth'] };
  const link = new RegistryLink(reach, log, (connection) => {
    if (flags.watch && !flags.once) watch.follow(connection);
    if (flags.report) reporter.follow(connection);
  });
  // The registry's part of the handshake goes on meanwhile; what goes wrong is told to who asks for the session next.
  if (flags.once) link.sftp().catch(() => undefined);
  const control = await openControl(
    what,
    new Map([[name, { ...application, pushes, registry: () => link.state }]]),
  );
  const manager = serviceManager({
    environment: process.env,
    pid: process.pid,
    onTrouble: (message) => log.warn(message),
  });
  signals.stop.addEventListener('abort', () => manager.stopping(), { once: true });
  signals.onHangup(() => hangUp(context, pushes));
  signals.onRestart(() => startAnew(context));
  try {
    if (flags.once) context.threads.start(true); // likely to be needed, and ready when it is
    const loop: AgentLoop = { pollMs: flags.poll, once: flags.once, random: Math.random };
    log.info({ configuration: name, dir, registry: flags.addr }, 'agent ready');
    manager.ready(`following ${name}`);
    const status = await runAgent(context, link, pushes, loop);
    if (flags.once) await reporter.settled(LAST_WORD_MS);
    return status;
  } finally {
    control?.close();
    await application.close();
    reporter.close();
    link.close();
    await manager.close();
  }
}

/** Where people on this host can talk to the agent; there is nothing to say to one that looks once. */
async function openControl({ flags, dir, log }: Following, configs: ReadonlyMap<string, Controlled>) {
  if (flags.once) return undefined;
  const answer = (request: ControlRequest) => answerControl(configs, request);
  return await serveControl({ path: controlPath(dir), answer, log });
}
