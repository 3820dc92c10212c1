import { join, resolve } from 'node:path';
import type { ConnectOptions } from '@deploy-tools/shared/client/connect.js';
import { Turns } from '@deploy-tools/shared/host/turns.js';
import type { Hello } from '@deploy-tools/shared/report/report.js';
import { Redials } from '../../follow/redials.js';
import { RegistryLink } from '../../follow/registry-link.js';
import { RegistryUpstream } from '../../follow/registry-upstream.js';
import { RegistryWatch } from '../../follow/registry-watch.js';
import { systemTimers } from '../../host/timers.js';
import { OutcomeStore } from '../../tell/report/outcome-store.js';
import { reportIdentity } from '../../tell/report/report-identity.js';
import { Reporter } from '../../tell/report/reporter.js';
import { agentSettings } from '../flags/agent-settings.js';
import type { Application } from './application.js';
import { type DaemonStart, followOne, type OpenUpstream } from './follow-one.js';
import { registryAccess } from './registry-access.js';

/** How long `-once` waits for the registry to store the outcome. */
const LAST_REPORT_MS = 2000;

/**
 * Runs the agent that follows one configuration of a registry.
 * @throws DeployError with one sentence for each reason not to start.
 */
export async function startAgent(start: DaemonStart): Promise<number> {
  const { flags, command, signals } = start;
  const settings = agentSettings(flags, command);
  const hello = reportIdentity(flags.host, flags.label);
  const connect = await registryAccess(flags, signals.stop);
  return await followOne(start, settings, (application) =>
    openRegistry(start, application, { hello, connect }),
  );
}

/** Opens the one connection to the registry, for releases and reports. */
function openRegistry(
  { flags, log }: DaemonStart,
  application: Application,
  { hello, connect }: { readonly hello: Omit<Hello, 'configs'>; readonly connect: ConnectOptions },
): OpenUpstream {
  const { pushes, context } = application;
  const { name } = context.settings;
  const { once, poll: pollMs } = flags;
  const reported = {
    present: () => application.present(),
    onRetry: () => application.retry(),
    onCancel: (by: string) => application.cancel(by),
  };
  const outcomes = new OutcomeStore(join(resolve(flags.dir), 'outcomes.jsonl'));
  const reporter = new Reporter({ hello, configs: new Map([[name, reported]]), outcomes, log });
  const watch = new RegistryWatch({ pushes: new Map([[name, pushes]]), silenceMs: flags.silence, log });
  const link = new RegistryLink({ ...connect, maxBandwidth: flags['max-bandwidth'] }, log, (connection) => {
    if (flags.watch && !once) watch.follow(connection);
    if (flags.report) reporter.follow(connection);
  });
  const redials = new Redials({ pollMs, random: Math.random }, systemTimers);
  if (once) {
    link.sftp().catch(() => undefined); // The handshake begins now; the first use of the session meets its errors.
    context.releases.threads.start(true); // They are likely to be needed, and ready by then.
  }
  return {
    upstream: new RegistryUpstream({ link, isShared: false, name, polls: new Turns(1), redials }),
    loop: pushes,
    link: () => link.state,
    ready: { registry: flags.addr },
    label: name,
    onChange: () => reporter.changed(name),
    onProgress: () => reporter.progressed(name),
    settle: () => reporter.settled(LAST_REPORT_MS),
    close: async () => {
      reporter.close();
      link.close();
    },
  };
}
