import { join, resolve } from 'node:path';
import { serviceManager } from '@deploy-tools/shared/host/service-manager.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { openSource } from '@deploy-tools/sources/open-source.js';
import type { Source } from '@deploy-tools/sources/source.js';
import type { SourceUrl } from '@deploy-tools/sources/source-url.js';
import type { AgentSettings } from '../../deploy/agent-context.js';
import { runAgent } from '../../follow/follow-configuration.js';
import { hangUp, startAnew } from '../../follow/hang-up.js';
import { Pushes } from '../../follow/pushes.js';
import type { AgentSignals } from '../../host/agent-signals.js';
import { handedInSockets, warnOfIdleSockets } from '../../process/supervise/handed-in-sockets.js';
import { parseListenSpec } from '../../process/supervise/listen-spec.js';
import type { Launch } from '../../process/supervise/start-child.js';
import { programSettings } from '../../process/supervise/supervise-flags.js';
import { controlPath } from '../../tell/control/call-agent.js';
import { answerControl } from '../../tell/control/configuration-control.js';
import type { ControlRequest } from '../../tell/control/control-line.js';
import { serveControl } from '../../tell/control/control-server.js';
import { reportIdentity } from '../../tell/report/report-identity.js';
import { takeAgentPlaces } from '../daemon/agent-places.js';
import { openApplication } from '../daemon/open-application.js';
import type { AgentFlags } from '../flags/agent-settings.js';
import { AttemptTeller } from './attempt-teller.js';
import { SourceReleases } from './source-releases.js';
import { sourcedSettings } from './sourced-settings.js';
import { TakenReleases } from './taken-release.js';

/** What is waited for at the end, for the source and the receivers to take what they are told. */
const LAST_WORD_MS = 5000;

/**
 * The agent that follows a source by itself; composes what an agent of a registry has, but for the registry.
 * @param flags with a source.
 * @param command of the supervised program.
 * @throws DeployError with one sentence for each reason not to start.
 */
export async function followSource(
  flags: AgentFlags,
  command: Launch['command'] | undefined,
  log: Logger,
  signals: AgentSignals,
): Promise<number> {
  const { settings, url } = sourcedSettings(flags, command);
  const { host } = reportIdentity(flags.host, []);
  const source = await openSource(url.label, { environment: process.env, log });
  const dir = resolve(flags.dir);
  const state = resolve(flags.state);
  const lock = takeAgentPlaces({ dir, state, user: settings.user }, log);
  try {
    if (command !== undefined)
      warnOfIdleSockets(flags.port.map(parseListenSpec), handedInSockets(process.env, process.pid), log);
    return await follow({ flags, command, log, signals, settings, host, url, source, dir, state });
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
  readonly host: string;
  readonly url: SourceUrl;
  readonly source: Source;
  readonly dir: string;
  readonly state: string;
}

/** Everything that is held while the agent runs, and let go of at its end. */
async function follow(what: Following): Promise<number> {
  const { flags, command, log, signals, settings, url, source, dir, state } = what;
  const notifier = await openNotices(flags.notify, log);
  let teller: AttemptTeller | undefined;
  const application = await openApplication({
    ...{ settings, dir, state, log, signal: signals.stop },
    program: programSettings(flags, command),
    onChange: () => teller?.look(application.context.ledger.journal),
    onProgress: () => {},
  });
  const { context } = application;
  const { ledger, clock } = context;
  teller = new AttemptTeller(
    {
      ...{ name: settings.name, host: what.host, notifier, clock, log },
      command: command === undefined ? 'assets' : 'server',
      source: flags.report ? source : undefined,
    },
    ledger.journal,
  );
  const pushes = new Pushes();
  const releases = new SourceReleases({
    ...{ source, wants: url.wants, log, pollMs: flags.poll, random: Math.random },
    taken: new TakenReleases(dir, `${settings.name} of ${url.label}`, log),
    incoming: join(dir, 'incoming'),
  });
  const nudge = () => {
    releases.lookNow();
    pushes.nudge();
  };
  const reached = {
    nudge,
    cancel: (by: string) => pushes.cancel(by),
    get isDeploying() {
      return pushes.isDeploying;
    },
  };
  const configs = new Map([[settings.name, { ...application, pushes: reached }]]);
  const answer = (request: ControlRequest) => answerControl(configs, request);
  const control = flags.once ? undefined : await serveControl({ path: controlPath(dir), answer, log });
  const manager = serviceManager({
    environment: process.env,
    pid: process.pid,
    onTrouble: (message) => log.warn(message),
  });
  signals.stop.addEventListener('abort', () => manager.stopping(), { once: true });
  signals.onHangup(() => hangUp(context, { nudge }));
  signals.onRestart(() => startAnew(context));
  try {
    log.info({ configuration: settings.name, dir, source: source.label }, 'agent ready');
    manager.ready(`following ${source.label}`);
    const loop = { pollMs: flags.poll, once: flags.once, random: Math.random };
    return await runAgent(context, releases, pushes, loop);
  } finally {
    control?.close();
    await application.close();
    await teller.close(LAST_WORD_MS);
    await manager.close();
  }
}

/** @throws DeployError usage: what a receiver needs is not there. */
async function openNotices(urls: readonly string[], log: Logger) {
  if (urls.length === 0) return undefined;
  const { openNotifier } = await import('@deploy-tools/notices/notifier.js');
  return await openNotifier(urls, { environment: process.env, log, clock: () => new Date() });
}
