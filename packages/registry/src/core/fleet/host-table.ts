import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Hello, StateReport } from '@deploy-tools/shared/report/report.js';
import type { HostRecord, HostState } from '../../meta/fleet-store.js';
import type { Presence } from './presence.js';

/** A configuration that a host follows. */
export interface Follow {
  readonly configuration: string;
  report: StateReport | undefined;
  /** RFC 3339 UTC. */
  changed: string;
  /** The stored last contact, of an earlier run of the registry or of an ended presence. */
  contact: string;
  /** The last contact in milliseconds of the steady clock; undefined for none since the registry started. */
  heardAt: number | undefined;
  /** The connected agent that reports for the host. */
  presence: Presence | undefined;
  /** Whether the last agent has reported the present state on its channel. */
  spoken: boolean;
  /** An unmarked outcome that is taken for a repeated one until the next report. */
  doubtful: StateReport | undefined;
  /** The last attempt and outcome that were stored, so that they are stored once. */
  stored: string | undefined;
  /** The number of outcomes that are being stored. */
  storing: number;
  /** Whether the log reports the host as lost. */
  missed: boolean;
}

export interface Host {
  record: HostRecord;
  readonly follows: Map<string, Follow>;
}

export interface FollowLimits {
  /** The most follows of all hosts together; a host without any counts as one. */
  readonly maxFollows: number;
  /** The most follows of the hosts of one key together. */
  readonly maxFollowsPerKey: number;
}

export interface AdmissionContext {
  /** RFC 3339 UTC. */
  readonly now: string;
  /** Whether an agent was heard within its last heartbeat. */
  readonly isAlive: (other: Presence) => boolean;
}

/** The changes that an agent's hello made. */
export interface Admission {
  readonly host: Host;
  readonly isNew: boolean;
  readonly recordChanged: boolean;
  readonly added: readonly Follow[];
  readonly removed: readonly string[];
  /** Agents that another one has replaced. */
  readonly displaced: readonly Presence[];
}

/** The hosts with their agents and configurations, in memory; all methods are synchronous. */
export class HostTable {
  readonly all = new Map<string, Host>();
  readonly #limits: FollowLimits;

  constructor(limits: FollowLimits) {
    this.#limits = limits;
  }

  /** Adds the stored hosts. */
  load(records: readonly HostRecord[], states: readonly HostState[]): void {
    for (const record of records) this.all.set(record.host, { record, follows: new Map() });
    for (const { host, configuration, report, changed, contact } of states) {
      const follow = { ...newFollow(configuration, changed), report, contact };
      this.all.get(host)?.follows.set(configuration, follow);
    }
  }

  follow(host: string, configuration: string): Follow | undefined {
    return this.all.get(host)?.follows.get(configuration);
  }

  /**
   * Makes an agent the speaker for its host and the configurations of its hello. Configurations that its previous hello on the
   * channel named are removed; those of other agents of the host stay.
   * @throws DeployError denied: the name belongs to another key; in-use: an agent elsewhere speaks for the host; too-large.
   */
  admit(presence: Presence, hello: Hello, { now, isAlive }: AdmissionContext): Admission {
    const known = this.all.get(hello.host);
    if (known !== undefined) this.#checkOwner(known.record, presence);
    const others = this.#otherSpeakers(known, presence, hello.configs);
    for (const other of others) checkElsewhere(other, presence, isAlive);
    const added = hello.configs.filter((name) => known?.follows.has(name) !== true);
    this.#checkRoom(presence, known === undefined ? Math.max(1, added.length) : added.length);
    const host = known ?? { record: recordOf(presence, hello, now), follows: new Map<string, Follow>() };
    this.all.set(hello.host, host);
    const before = host.record;
    host.record = { ...recordOf(presence, hello, now), firstSeen: before.firstSeen };
    const removed = [...presence.configs].filter((name) => !hello.configs.includes(name));
    for (const name of removed) host.follows.delete(name);
    presence.configs = new Set(hello.configs);
    presence.marksAgain = hello.features?.includes('again') === true;
    presence.takesCancel = hello.features?.includes('cancel') === true;
    return {
      host,
      isNew: known === undefined,
      recordChanged: JSON.stringify(before) !== JSON.stringify(host.record),
      added: added.map((name) => addFollow(host, name, now)),
      removed,
      displaced: others,
    };
  }

  /** Undoes what an admission added. */
  dismiss({ host, isNew, added }: Admission): void {
    for (const { configuration } of added) host.follows.delete(configuration);
    if (isNew) this.all.delete(host.record.host);
  }

  #checkOwner(record: HostRecord, { speaker }: Presence): void {
    if (record.key.fingerprint === speaker.key.fingerprint || speaker.owns(record.host)) return;
    throw new DeployError('denied', `the host name ${record.host} belongs to another key`, {
      hint: `an operator frees it with: forget -host ${record.host}`,
    });
  }

  #otherSpeakers(host: Host | undefined, presence: Presence, configs: readonly string[]): Presence[] {
    const speakers = configs.map((name) => host?.follows.get(name)?.presence);
    return [...new Set(speakers)].flatMap((other) =>
      other === undefined || other === presence ? [] : [other],
    );
  }

  #checkRoom({ speaker }: Presence, wanted: number): void {
    if (wanted === 0) return;
    let all = 0;
    let ofKey = 0;
    for (const { record, follows } of this.all.values()) {
      const size = Math.max(1, follows.size);
      all += size;
      if (record.key.fingerprint === speaker.key.fingerprint) ofKey += size;
    }
    if (all + wanted > this.#limits.maxFollows || ofKey + wanted > this.#limits.maxFollowsPerKey) {
      throw new DeployError('too-large', 'the registry has its largest number of hosts', {
        hint: 'forget hosts that no longer exist, or start the registry with a larger -max-hosts',
      });
    }
  }
}

/** Makes an agent the speaker of a follow; on a new channel it has not reported the present state yet. */
export function speakFor(follow: Follow, presence: Presence): void {
  if (follow.presence !== presence) {
    follow.spoken = false;
    follow.doubtful = undefined;
  }
  follow.presence = presence;
  follow.heardAt = presence.heardAt;
}

/** Refuses a second agent from another address. One from the same address is the same agent after a lost connection. */
function checkElsewhere(other: Presence, presence: Presence, isAlive: (other: Presence) => boolean): void {
  if (other.speaker.address === presence.speaker.address || !isAlive(other)) return;
  const message = `an agent at ${other.speaker.address} speaks for host ${presence.host} already`;
  throw new DeployError('in-use', message, { hint: 'give each host a name of its own' });
}

function recordOf({ speaker }: Presence, { host, agent, labels }: Hello, now: string): HostRecord {
  return { host, key: speaker.key, agent, labels, firstSeen: now };
}

function addFollow(host: Host, configuration: string, now: string): Follow {
  const follow = newFollow(configuration, now);
  host.follows.set(configuration, follow);
  return follow;
}

function newFollow(configuration: string, now: string): Follow {
  return {
    configuration,
    report: undefined,
    changed: now,
    contact: now,
    heardAt: undefined,
    presence: undefined,
    spoken: false,
    doubtful: undefined,
    stored: undefined,
    storing: 0,
    missed: false,
  };
}
