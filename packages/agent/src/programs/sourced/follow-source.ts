import { join, resolve } from 'node:path';
import type { Logger } from '@deploy-tools/shared/log.js';
import { openSource } from '@deploy-tools/sources/open-source.js';
import type { Source } from '@deploy-tools/sources/source.js';
import type { SourceUrl } from '@deploy-tools/sources/source-url.js';
import type { AgentContext, AgentSettings } from '../../deploy/agent-context.js';
import type { LoopControl } from '../../deploy/wishes.js';
import { followConfiguration } from '../../follow/follow-configuration.js';
import type { Pushes } from '../../follow/pushes.js';
import { warnOfIdlePorts } from '../../process/supervise/handed-in-sockets.js';
import { programSettings } from '../../process/supervise/supervise-flags.js';
import { reportIdentity } from '../../tell/report/report-identity.js';
import { takeAgentPlaces } from '../daemon/agent-places.js';
import { openApplication } from '../daemon/open-application.js';
import { runDaemon } from '../daemon/run-daemon.js';
import type { DaemonStart } from '../daemon/start-agent.js';
import { AttemptTeller } from './attempt-teller.js';
import { SourceUpstream } from './source-upstream.js';
import { sourcedSettings } from './sourced-settings.js';
import { TakenReleases } from './taken-release.js';

/** How long the end waits for the source and the receivers to take their last notices. */
const LAST_NOTICES_MS = 5000;

/**
 * The agent that follows a source by itself, without a registry.
 * @param start its flags name a source.
 * @throws DeployError with one sentence for each reason not to start.
 */
export async function followSource(start: DaemonStart): Promise<number> {
  const { flags, command, log } = start;
  const { settings, url } = sourcedSettings(flags, command);
  const { host } = reportIdentity(flags.host, []);
  const source = await openSource(url.label, { environment: process.env, log });
  const dir = resolve(flags.dir);
  const state = resolve(flags.state);
  const lock = takeAgentPlaces({ dir, state, user: settings.user }, log);
  try {
    if (command !== undefined) warnOfIdlePorts(flags.port, log);
    return await follow({ ...start, settings, host, url, source, dir, state });
  } finally {
    lock.release();
  }
}

interface Following extends DaemonStart {
  readonly settings: AgentSettings;
  readonly host: string;
  readonly url: SourceUrl;
  readonly source: Source;
  readonly dir: string;
  readonly state: string;
}

async function follow(following: Following): Promise<number> {
  const { flags, command, log, signals, settings, source, dir, state } = following;
  const { name } = settings;
  const { once, poll: pollMs } = flags;
  const notifier = await openNotices(flags.notify, log);
  let teller: AttemptTeller | undefined;
  const application = await openApplication({
    settings,
    dir,
    state,
    log,
    signal: signals.stop,
    program: programSettings(flags, command),
    onChange: () => teller?.look(ledger.journal),
    onProgress: () => {},
  });
  const { context, pushes } = application;
  const { ledger, clock } = context;
  teller = new AttemptTeller(
    {
      name,
      host: following.host,
      notifier,
      clock,
      log,
      command: command === undefined ? 'assets' : 'server',
      source: flags.report ? source : undefined,
    },
    ledger.journal,
  );
  const upstream = openUpstream(following, context);
  const loopControl = new SourceControl(upstream, pushes);
  const controlled = () => new Map([[name, application.controlled(undefined, loopControl)]]);
  return await runDaemon({
    dir,
    log,
    signals,
    controlled: once ? undefined : controlled,
    onHangup: () => {
      loopControl.nudge();
      application.restartProgram();
    },
    onRestart: () => application.restartProgram(),
    ready: { configuration: name, dir, source: source.label },
    follows: source.label,
    run: () => followConfiguration(context, { upstream, pushes, pollMs, once, random: Math.random }),
    close: async () => {
      await application.close();
      await teller.close(LAST_NOTICES_MS);
    },
  });
}

function openUpstream({ flags, log, settings, url, source, dir }: Following, context: AgentContext) {
  return new SourceUpstream({
    source,
    wants: url.wants,
    taken: new TakenReleases(dir, `${settings.name} of ${url.label}`, log),
    incoming: join(dir, 'incoming'),
    pollMs: flags.poll,
    random: Math.random,
    context,
  });
}

/** Operators on the host reach the loop; a nudge has the source polled even if it is to be left alone. */
class SourceControl implements LoopControl {
  readonly #upstream: SourceUpstream;
  readonly #pushes: Pushes;

  constructor(upstream: SourceUpstream, pushes: Pushes) {
    this.#upstream = upstream;
    this.#pushes = pushes;
  }

  nudge(): void {
    this.#upstream.pollNow();
    this.#pushes.nudge();
  }

  cancel(by: string): boolean {
    return this.#pushes.cancel(by);
  }

  get isDeploying(): boolean {
    return this.#pushes.isDeploying;
  }
}

/** @throws DeployError usage: what a receiver needs is not there. */
async function openNotices(urls: readonly string[], log: Logger) {
  if (urls.length === 0) return undefined;
  const { openNotifier } = await import('@deploy-tools/notices/notifier.js');
  return await openNotifier(urls, { environment: process.env, log, clock: () => new Date() });
}
