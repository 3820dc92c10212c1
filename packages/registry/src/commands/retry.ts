import { RETRY } from '@deploy-tools/shared/commands/fleet-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import type { HostStatus } from '../core/fleet/fleet-status.js';
import { command } from './command.js';
import { isPaused, pauseLine } from './fleet-text.js';
import { namesOf, namesText, tellHosts } from './tell-hosts.js';

/** Tells all that are not where they should be: one that has nothing to try again does nothing, one that is paused does it later. */
export const retry = command(RETRY, async ({ registry }, args) => {
  const { name } = required({ name: args.name });
  const heard = await tellHosts(registry, {
    name,
    host: args.host,
    isFor: ({ category }) => category !== 'in-sync',
    line: { type: 'retry', config: name },
  });
  const paused = heard.told.filter(isPaused);
  const told = heard.told.filter((host) => !isPaused(host));
  const { notConnected } = heard;
  const lines = [namesText('told', told), ...pausedText(paused), namesText('not connected', notConnected)];
  const isNobody = heard.told.length + notConnected.length === 0;
  return {
    status: notConnected.length + paused.length === 0 ? 0 : 1,
    value: { name, told: namesOf(told), paused: namesOf(paused), notConnected: namesOf(notConnected) },
    text: isNobody ? 'all hosts are in sync: nothing to try again\n' : lines.join(''),
  };
});

function pausedText(hosts: readonly HostStatus[]): string[] {
  if (hosts.length === 0) return [];
  const lines = hosts.map(({ follower }) => {
    const { host } = follower.record;
    return `${host} is ${pauseLine(follower.report)}; it tries again once it is resumed\n`;
  });
  return [...lines, 'resume with "deploy-agent ctl resume" on the host\n'];
}
