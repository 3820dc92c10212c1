import { CANCEL, FORGET, RETRY } from '@deploy-tools/shared/commands/fleet-specs.js';
import { required } from '@deploy-tools/shared/commands/required.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { isInProgress } from '@deploy-tools/shared/report/deploy-state.js';
import type { RegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import type { OrderResult } from '../core/fleet/fleet.js';
import { fleetStatus, type HostStatus } from '../core/fleet/fleet-status.js';
import type { Registry } from '../core/registry.js';
import { command } from './command.js';
import { isPaused, pauseLine } from './fleet-text.js';

/** An order to the agents of a configuration's hosts. */
export interface Order {
  readonly name: string;
  /** Only this host, whatever it reports. */
  readonly host: string | undefined;
  /** Of all hosts, those that it is for. */
  readonly isFor: (host: HostStatus) => boolean;
  readonly line: RegistryLine;
}

/** The hosts by what became of the order; `told` is a key of the JSON output. */
export interface OrderReport {
  readonly told: readonly HostStatus[];
  readonly notConnected: readonly HostStatus[];
  /** Their agents do not know that order. */
  readonly tooOld: readonly HostStatus[];
}

/** @throws DeployError not-found. */
export async function sendOrder(registry: Registry, order: Order): Promise<OrderReport> {
  const { name, host: only, line } = order;
  const { hosts } = await fleetStatus(registry, name);
  const meant = hosts.filter((host) => (only === undefined ? order.isFor(host) : nameOf(host) === only));
  if (only !== undefined && meant.length === 0)
    throw new DeployError('not-found', `no host ${only} follows "${name}"`);
  const sent = meant.map((host) => ({ host, result: registry.fleet.order(nameOf(host), name, line) }));
  const those = (wanted: OrderResult) =>
    sent.filter(({ result }) => result === wanted).map(({ host }) => host);
  return { told: those('delivered'), notConnected: those('not-connected'), tooOld: those('too-old') };
}

export function namesOf(hosts: readonly HostStatus[]): string[] {
  return hosts.map(nameOf);
}

/** A line, or nothing where there are none. */
export function namesText(words: string, hosts: readonly HostStatus[]): string {
  return hosts.length === 0 ? '' : `${words}: ${namesOf(hosts).join(' ')}\n`;
}

function nameOf({ follower }: HostStatus): string {
  return follower.record.host;
}

/** The wanted revision stays: these hosts reject it until retry. */
export const cancel = command(CANCEL, async ({ registry, change }, args) => {
  const { name } = required({ name: args.name });
  const { told, notConnected, tooOld } = await sendOrder(registry, {
    name,
    host: args.host,
    isFor: ({ follower }) => isInProgress(follower.report?.state),
    line: { type: 'cancel', config: name, by: change.author.comment || change.author.fingerprint },
  });
  const lines = [
    namesText('told', told),
    namesText('not connected', notConnected),
    namesText('agents of a version without cancel', tooOld),
  ];
  const text = lines.join('');
  return {
    status: notConnected.length + tooOld.length === 0 ? 0 : 1,
    value: { name, told: namesOf(told), notConnected: namesOf(notConnected), tooOld: namesOf(tooOld) },
    text: text === '' ? 'no host is deploying: nothing to cancel\n' : text,
  };
});

/** Goes to all hosts that are not in sync: one with nothing to try again ignores it, a paused one obeys it later. */
export const retry = command(RETRY, async ({ registry }, args) => {
  const { name } = required({ name: args.name });
  const sent = await sendOrder(registry, {
    name,
    host: args.host,
    isFor: ({ category }) => category !== 'in-sync',
    line: { type: 'retry', config: name },
  });
  const paused = sent.told.filter(isPaused);
  const told = sent.told.filter((host) => !isPaused(host));
  const { notConnected } = sent;
  const lines = [namesText('told', told), ...pausedText(paused), namesText('not connected', notConnected)];
  const isNobody = sent.told.length + notConnected.length === 0;
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

export const forget = command(FORGET, async ({ registry }, args) => {
  const { host } = required({ host: args.host });
  await registry.fleet.forget(host, args.name);
  return { value: { host, configuration: args.name ?? null }, text: '' };
});
