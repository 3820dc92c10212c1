import { RETRY } from '@deploy-tools/shared/commands/fleet-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { fleetStatus, type HostStatus } from '../core/fleet/fleet-status.js';
import { command } from './command.js';
import { isPaused, pauseLine } from './fleet-text.js';

export const retry = command(RETRY, async ({ registry }, args) => {
  const { name } = required({ name: args.name });
  const { hosts } = await fleetStatus(registry, name);
  const wanted = args.host === undefined ? hosts.filter(mayTryAgain) : hosts.filter(isHost(args.host));
  if (args.host !== undefined && wanted.length === 0) {
    throw new DeployError('not-found', `no host ${args.host} follows "${name}"`);
  }
  const told: HostStatus[] = [];
  const paused: HostStatus[] = [];
  const notConnected: HostStatus[] = [];
  for (const host of wanted) {
    const heard = registry.fleet.tell(nameOf(host), name, { type: 'retry', config: name });
    if (!heard) notConnected.push(host);
    else (isPaused(host) ? paused : told).push(host);
  }
  const outcome = { told, paused, notConnected };
  return {
    status: notConnected.length + paused.length === 0 ? 0 : 1,
    value: {
      name,
      told: told.map(nameOf),
      paused: paused.map(nameOf),
      notConnected: notConnected.map(nameOf),
    },
    text: text(outcome),
  };
});

interface RetryOutcome {
  readonly told: readonly HostStatus[];
  /** They were told, and try again once they are resumed. */
  readonly paused: readonly HostStatus[];
  readonly notConnected: readonly HostStatus[];
}

/** All that are not where they should be: one that has nothing to try again does nothing. */
function mayTryAgain({ category }: HostStatus): boolean {
  return category !== 'in-sync';
}

function isHost(name: string): (host: HostStatus) => boolean {
  return (host) => nameOf(host) === name;
}

function nameOf({ follower }: HostStatus): string {
  return follower.record.host;
}

function text({ told, paused, notConnected }: RetryOutcome): string {
  if (told.length + paused.length + notConnected.length === 0)
    return 'all hosts are in sync: nothing to try again\n';
  const named = (hosts: readonly HostStatus[]) => hosts.map(nameOf).join(' ');
  const lines = [
    ...(told.length === 0 ? [] : [`told: ${named(told)}\n`]),
    ...paused.map(
      (host) => `${nameOf(host)} is ${pauseLine(host.follower.report)}; it tries again once it is resumed\n`,
    ),
    ...(paused.length === 0 ? [] : ['resume with "deploy-agent ctl resume" on the host\n']),
    ...(notConnected.length === 0 ? [] : [`not connected: ${named(notConnected)}\n`]),
  ];
  return lines.join('');
}
