import { DeployError } from '@deploy-tools/shared/errors.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { HostRecord } from '../../meta/fleet-store.js';
import type { Follow, Host } from './host-table.js';
import type { Presence } from './presence.js';

/** The contact with a host: `lost` after a silence of three heartbeats, `unheard` before its first line since the registry started. */
export type Contact = 'live' | 'lost' | 'unheard';

/** The present facts of a host that follows a configuration. Times are RFC 3339 UTC by the registry's clock. */
export interface Follower {
  readonly record: HostRecord;
  readonly configuration: string;
  /** The last report, without its log; undefined before the first. */
  readonly report: StateReport | undefined;
  /** When the report last changed. */
  readonly changed: string;
  readonly contact: Contact;
  /** Whether the report describes the present: see {@link isCurrent}. False unless `live`. */
  readonly isCurrent: boolean;
  /** Whether no outcome waits to be stored. */
  readonly isStored: boolean;
  readonly lastContact: string;
  /** The time since the last contact, in milliseconds. */
  readonly silentMs: number;
  /** Its IP address, while it is connected. */
  readonly address: string | undefined;
}

/** The present time of the steady clock, and the longest silence of a host, in milliseconds. */
export interface Silence {
  readonly now: number;
  readonly lostAfterMs: number;
}

/** The last contact by the steady clock; undefined for none since the registry started. */
export function heardAt({ presence, heardAt }: Follow): number | undefined {
  return presence?.heardAt ?? heardAt;
}

export function contactOf(heard: number | undefined, { now, lostAfterMs }: Silence): Contact {
  if (heard === undefined) return 'unheard';
  return now - heard > lostAfterMs ? 'lost' : 'live';
}

/** Whether the agent was heard within the last heartbeat. */
export function isAlive(heard: number, { now, lostAfterMs }: Silence): boolean {
  return now - heard <= lostAfterMs / 3;
}

/** Whether the last report still describes the present: a new channel, or a restart of the registry, makes it outdated. */
export function isCurrent(follow: Follow, silence: Silence): boolean {
  return follow.spoken && contactOf(heardAt(follow), silence) === 'live';
}

/** @throws DeployError in-use while the agent is heard. */
export function checkSilent(presence: Presence | undefined, silence: Silence): void {
  if (presence === undefined || contactOf(presence.heardAt, silence) !== 'live') return;
  throw new DeployError(
    'in-use',
    `an agent at ${presence.speaker.address} speaks for host ${presence.host}`,
    { hint: 'stop it first, or remove its key' },
  );
}

/** Makes the facts of a follower. @param times the present time by both clocks. */
export function followerOf(
  { record }: Host,
  follow: Follow,
  times: Silence & { readonly clock: Date },
): Follower {
  const { configuration, report, changed, contact, presence } = follow;
  const heard = heardAt(follow);
  const lastContact = heard === undefined ? contact : timeOf(heard, times.now, times.clock);
  return {
    record,
    configuration,
    report,
    changed,
    contact: contactOf(heard, times),
    isCurrent: isCurrent(follow, times),
    isStored: follow.storing === 0,
    lastContact,
    silentMs: Math.max(0, times.clock.getTime() - Date.parse(lastContact)),
    address: presence?.speaker.address,
  };
}

/** A time of the steady clock, as RFC 3339 UTC. */
export function timeOf(steady: number, steadyNow: number, clock: Date): string {
  return new Date(clock.getTime() - (steadyNow - steady)).toISOString();
}
