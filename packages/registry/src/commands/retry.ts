import { RETRY } from '@deploy-tools/shared/commands/fleet-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { fleetStatus, type HostStatus } from '../core/fleet/fleet-status.js';
import { command } from './command.js';

export const retry = command(RETRY, async ({ registry }, args) => {
  const { name } = required({ name: args.name });
  const { hosts } = await fleetStatus(registry, name);
  const wanted = args.host === undefined ? hosts.filter(mayTryAgain) : hosts.filter(isHost(args.host));
  if (args.host !== undefined && wanted.length === 0) {
    throw new DeployError('not-found', `no host ${args.host} follows "${name}"`);
  }
  const told: string[] = [];
  const notConnected: string[] = [];
  for (const { follower } of wanted) {
    const { host } = follower.record;
    const heard = registry.fleet.tell(host, name, { type: 'retry', config: name });
    (heard ? told : notConnected).push(host);
  }
  return {
    status: notConnected.length === 0 ? 0 : 1,
    value: { name, told, notConnected },
    text: text(told, notConnected),
  };
});

/** All that are not where they should be: one that has nothing to try again does nothing. */
function mayTryAgain({ category }: HostStatus): boolean {
  return category !== 'in-sync';
}

function isHost(name: string): (host: HostStatus) => boolean {
  return ({ follower }) => follower.record.host === name;
}

function text(told: readonly string[], notConnected: readonly string[]): string {
  if (told.length + notConnected.length === 0) return 'all hosts are in sync: nothing to try again\n';
  const lines = [
    ...(told.length === 0 ? [] : [`told: ${told.join(' ')}\n`]),
    ...(notConnected.length === 0 ? [] : [`not connected: ${notConnected.join(' ')}\n`]),
  ];
  return lines.join('');
}
