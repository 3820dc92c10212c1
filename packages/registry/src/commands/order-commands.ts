import { CANCEL, FORGET, RETRY } from '@deploy-tools/shared/commands/fleet-specs.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { isInProgress } from '@deploy-tools/shared/report/deploy-state.js';
import type { RegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import type { OrderResult } from '../core/fleet/fleet.js';
import { fleetStatus, type HostStatus } from '../core/fleet/fleet-status.js';
import { authorName } from '../core/principal.js';
import type { Registry } from '../core/registry.js';
import { command } from './command.js';
import { isPaused, pauseLine } from './fleet-text.js';

/** An order to the agents of a configuration's hosts. */
interface Order {
  readonly name: string;
  /** The only host to send the order to, whatever it reports. */
  readonly host: string | undefined;
  /** Whether a host needs the order. */
  readonly isFor: (host: HostStatus) => boolean;
  readonly line: RegistryLine;
}

/** The hosts of an order, by its result. @throws DeployError not-found. */
async function sendOrder(
  registry: Registry,
  { name, host: only, isFor, line }: Order,
): Promise<Record<OrderResult, HostStatus[]>> {
  const { hosts } = await fleetStatus(registry, name);
  const meant = hosts.filter((host) => (only === undefined ? isFor(host) : nameOf(host) === only));
  if (only !== undefined && meant.length === 0)
    throw new DeployError('not-found', `no host ${only} follows "${name}"`);
  const sent: Record<OrderResult, HostStatus[]> = { delivered: [], 'not-connected': [], 'too-old': [] };
  for (const host of meant) sent[registry.fleet.order(nameOf(host), name, line)].push(host);
  return sent;
}

function nameOf({ follower }: HostStatus): string {
  return follower.record.host;
}

/** A line with names, or the empty string for none. */
function namesText(label: string, hosts: readonly HostStatus[]): string {
  return hosts.length === 0 ? '' : `${label}: ${hosts.map(nameOf).join(' ')}\n`;
}

/** Cancels the deployments in progress. The wanted revision stays: these hosts reject it until retry. */
export const cancel = command(CANCEL, ['name'], async ({ registry, change }, { name, host }) => {
  const sent = await sendOrder(registry, {
    name,
    host,
    isFor: ({ follower }) => isInProgress(follower.report?.state),
    line: { type: 'cancel', config: name, by: authorName(change.author) },
  });
  const { delivered, 'not-connected': notConnected, 'too-old': tooOld } = sent;
  const text = [
    namesText('told', delivered),
    namesText('not connected', notConnected),
    namesText('agents of a version without cancel', tooOld),
  ].join('');
  const others = { notConnected: notConnected.map(nameOf), tooOld: tooOld.map(nameOf) };
  return {
    status: notConnected.length + tooOld.length === 0 ? 0 : 1,
    value: { name, told: delivered.map(nameOf), ...others },
    text: text === '' ? 'no host is deploying: nothing to cancel\n' : text,
  };
});

/** Goes to all hosts that are not in sync: a host without a failure ignores it, a paused one obeys it later. */
export const retry = command(RETRY, ['name'], async ({ registry }, { name, host }) => {
  const isFor = ({ category }: HostStatus) => category !== 'in-sync';
  const line = { type: 'retry', config: name } as const;
  const { delivered, 'not-connected': notConnected } = await sendOrder(registry, { name, host, isFor, line });
  const paused = delivered.filter(isPaused);
  const active = delivered.filter((one) => !isPaused(one));
  const text = namesText('told', active) + pausedText(paused) + namesText('not connected', notConnected);
  const others = { paused: paused.map(nameOf), notConnected: notConnected.map(nameOf) };
  return {
    status: notConnected.length + paused.length === 0 ? 0 : 1,
    value: { name, told: active.map(nameOf), ...others },
    text: text === '' ? 'all hosts are in sync: nothing to try again\n' : text,
  };
});

function pausedText(hosts: readonly HostStatus[]): string {
  if (hosts.length === 0) return '';
  const lines = hosts.map(
    (host) => `${nameOf(host)} is ${pauseLine(host.follower.report)}; it tries again once it is resumed\n`,
  );
  return `${lines.join('')}resume with "deploy-agent ctl resume" on the host\n`;
}

export const forget = command(FORGET, ['host'], async ({ registry }, { host, name }) => {
  await registry.fleet.forget(host, name);
  return { value: { host, configuration: name ?? null }, text: '' };
});
