import { join, resolve } from 'node:path';
import { openSource } from '@deploy-tools/sources/open-source.js';
import { reportIdentity } from '../../tell/report/report-identity.js';
import { type DaemonStart, followOne } from '../daemon/follow-one.js';
import { AttemptTeller } from './attempt-teller.js';
import { SourceUpstream } from './source-upstream.js';
import { refuseRegistryFlags, sourcedSettings } from './sourced-settings.js';
import { TakenReleases } from './taken-release.js';

/** How long the end waits for the source and the receivers to take their last notices. */
const LAST_NOTICES_MS = 5000;

/**
 * Runs the agent that follows a source by itself, without a registry.
 * @param start its flags name a source.
 * @throws DeployError with one sentence for each reason not to start.
 */
export async function followSource(start: DaemonStart): Promise<number> {
  const { flags, command, log, given } = start;
  refuseRegistryFlags(given);
  const { settings, url } = sourcedSettings(flags, command);
  const { name } = settings;
  const { host } = reportIdentity(flags.host, []);
  const source = await openSource(url.label, { environment: process.env, log });
  const notifier = await openNotices(start);
  const dir = resolve(flags.dir);
  return await followOne(start, settings, ({ context, pushes }) => {
    const { ledger, clock } = context;
    const teller = new AttemptTeller(
      {
        name,
        host,
        notifier,
        clock,
        log,
        command: command === undefined ? 'assets' : 'server',
        source: flags.report ? source : undefined,
      },
      ledger.journal,
    );
    const upstream = new SourceUpstream({
      source,
      wants: url.wants,
      context,
      pollMs: flags.poll,
      random: Math.random,
      taken: new TakenReleases(dir, `${name} of ${url.label}`, log),
      incoming: join(dir, 'incoming'),
    });
    const loop = {
      /** Polls the source even during the delay that it asked for. */
      nudge: () => {
        upstream.pollNow();
        pushes.nudge();
      },
      cancel: (by: string) => pushes.cancel(by),
      get isDeploying() {
        return pushes.isDeploying;
      },
    };
    return {
      upstream,
      loop,
      ready: { source: source.label },
      label: source.label,
      onChange: () => teller.look(ledger.journal),
      onProgress: () => {},
      close: () => teller.close(LAST_NOTICES_MS),
    };
  });
}

/** @throws DeployError usage: a receiver lacks a setting. */
async function openNotices({ flags, log }: DaemonStart) {
  if (flags.notify.length === 0) return undefined;
  const { openNotifier } = await import('@deploy-tools/notices/notifier.js');
  return await openNotifier(flags.notify, { environment: process.env, log, clock: () => new Date() });
}
