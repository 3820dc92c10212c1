import { DeployError } from '@deploy-tools/shared/errors.js';
import type { RegistryLine } from '@deploy-tools/shared/report/report.js';
import { fleetStatus, type HostStatus } from '../core/fleet/fleet-status.js';
import type { Registry } from '../core/registry.js';

/** Something that hosts of a configuration are told to do. */
export interface Order {
  readonly name: string;
  /** Only this host, whatever it reports. */
  readonly host: string | undefined;
  /** Of all hosts, those that it is for. */
  readonly isFor: (host: HostStatus) => boolean;
  readonly line: RegistryLine;
}

/** What came of it. */
export interface Heard {
  readonly told: readonly HostStatus[];
  readonly notConnected: readonly HostStatus[];
  /** Their agents would not know what is meant. */
  readonly tooOld: readonly HostStatus[];
}

/** @throws DeployError not-found. */
export async function tellHosts(registry: Registry, order: Order): Promise<Heard> {
  const { name, host: only, line } = order;
  const { hosts } = await fleetStatus(registry, name);
  const meant = hosts.filter((host) => (only === undefined ? order.isFor(host) : nameOf(host) === only));
  if (only !== undefined && meant.length === 0)
    throw new DeployError('not-found', `no host ${only} follows "${name}"`);
  const heard = meant.map((host) => ({ host, how: registry.fleet.tell(nameOf(host), name, line) }));
  const those = (wanted: string) => heard.filter(({ how }) => how === wanted).map(({ host }) => host);
  return { told: those('told'), notConnected: those('not-connected'), tooOld: those('too-old') };
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
