import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { isOutcome } from '@deploy-tools/shared/report/deploy-state.js';
import type { RegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import type { Hello, StateReport } from '@deploy-tools/shared/report/report.js';
import type { MetaStore } from '../../meta/meta-store.js';
import { NameEvents } from '../name-events.js';
import { attemptAndState, isChange, saysPresent, withEarlierError } from './compare-reports.js';
import { FleetPersistence, type PersistenceOptions } from './fleet-persistence.js';
import { FleetWriteQueue } from './fleet-write-queue.js';
import type { Follower } from './follower.js';
import { checkSilent, contactOf, followerOf, heardAt, isAlive, type Silence, timeOf } from './follower.js';
import { type Follow, type FollowLimits, type Host, HostTable, speakFor } from './host-table.js';
import type { Presence } from './presence.js';

export interface FleetOptions extends FollowLimits, PersistenceOptions {
  readonly meta: MetaStore;
  readonly log: Logger;
  readonly clock: () => Date;
  /** A host that is silent for longer is lost: three of its heartbeats. */
  readonly lostAfterMs: number;
}

/** The longest wait of a write, except for outcomes. */
const LAZY_MS = 1000;

/** Interval at which the last contact of a host is written. */
const CONTACT_EVERY_MS = 5 * 60_000;

/** The result of an order to an agent; `too-old`: the agent does not know that order. */
export type OrderResult = 'delivered' | 'not-connected' | 'too-old';

/** The result of an agent's report; `stored` and `known` are for outcomes that are on the disk. */
export type Intake = 'noted' | 'known' | 'stored';

/**
 * The hosts with their configurations and last reports, in memory. Changes are written to the store; a heartbeat is no change.
 * Outcomes are on the disk before they are acknowledged.
 */
export class Fleet {
  /** Announces changes of the hosts that follow a configuration. */
  readonly events = new NameEvents();
  readonly #options: FleetOptions;
  readonly #hosts: HostTable;
  readonly #persistence: FleetPersistence;
  readonly #openedAt: number;

  private constructor(options: FleetOptions) {
    this.#options = options;
    this.#openedAt = options.steady();
    this.#hosts = new HostTable(options);
    this.#persistence = new FleetPersistence(
      new FleetWriteQueue(options.meta, options.log, LAZY_MS),
      options,
    );
  }

  /** Loads the stored hosts, which are `unheard` until their agents connect. */
  static async open(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options);
    await options.meta.read(async ({ fleet: stored }) =>
      fleet.#hosts.load(await stored.hosts(), await stored.hostStates()),
    );
    return fleet;
  }

  /** Time since the fleet was opened, in milliseconds. */
  get ageMs(): number {
    return this.#options.steady() - this.#openedAt;
  }

  /** The time after which a silent host is lost, in milliseconds. */
  get lostAfterMs(): number {
    return this.#options.lostAfterMs;
  }

  /**
   * Admits an agent as the speaker of its host. A new host name is bound to the agent's key, durably, before this resolves.
   * @throws DeployError denied, in-use, too-large.
   */
  async join(presence: Presence, hello: Hello): Promise<void> {
    this.heard(presence);
    const admission = this.#hosts.admit(presence, hello, {
      now: this.#now(),
      isAlive: (other) => isAlive(other.heardAt, this.#silence()),
    });
    for (const other of admission.displaced) this.#displace(other, 'another agent speaks for this host now');
    for (const follow of admission.host.follows.values()) {
      if (presence.configs.has(follow.configuration)) speakFor(follow, presence);
    }
    try {
      await this.#persistence.admission(admission);
    } catch (error) {
      this.leave(presence);
      this.#hosts.dismiss(admission);
      throw error;
    }
    for (const name of [...hello.configs, ...admission.removed]) this.events.publish({ name });
  }

  /** Notes a line of the agent: its host is not lost. */
  heard(presence: Presence): void {
    presence.heardAt = this.#options.steady();
  }

  /** Notes that the agent has sent all its reports: the last one on its channel is the present state. */
  rested(presence: Presence): void {
    const host = this.#hosts.all.get(presence.host);
    for (const follow of host?.follows.values() ?? []) {
      if (host === undefined || follow.presence !== presence || follow.doubtful === undefined) continue;
      this.#note(host, follow, follow.doubtful);
    }
  }

  /** Ends a presence, whose channel is closed; the host stays known. May be called twice. */
  leave(presence: Presence): void {
    for (const name of presence.configs) {
      const follow = this.#hosts.follow(presence.host, name);
      if (follow?.presence !== presence) continue;
      follow.presence = undefined;
      follow.heardAt = presence.heardAt;
      follow.contact = this.#timeOf(presence.heardAt);
      this.#persistence.contact(presence.host, follow);
      this.events.publish({ name });
    }
  }

  /**
   * Takes an agent's report; resolves when an outcome is stored, otherwise at once.
   * @returns the result; `stored` and `known` are to be acknowledged.
   * @throws DeployError invalid when the agent's hello did not name the configuration.
   */
  async report(presence: Presence, { log, again, ...said }: StateReport): Promise<Intake> {
    const host = this.#hosts.all.get(presence.host);
    const follow = host?.follows.get(said.config);
    if (host === undefined || follow?.presence !== presence) {
      throw new DeployError(
        'invalid',
        `${presence.host} reported on "${said.config}", which its hello does not name`,
      );
    }
    const report = withEarlierError(said, follow.report);
    const isMarked = again === true;
    if (!isMarked && saysPresent(report, follow, this.#options.clock())) this.#note(host, follow, report);
    else this.#doubt(follow, report, isMarked);
    if (isOutcome(report.state) && report.deploy !== undefined) {
      return await this.#store(presence, follow, { ...report, deploy: report.deploy, log: log ?? [] });
    }
    if (log !== undefined) {
      this.#persistence.log(presence.host, report.config, { deploy: report.deploy ?? '', lines: log });
    }
    return 'noted';
  }

  /** The followers of a configuration; without an argument, those of all configurations. */
  followers(configuration?: string): Follower[] {
    const followers: Follower[] = [];
    const times = { ...this.#silence(), clock: this.#options.clock() };
    for (const host of this.#hosts.all.values()) {
      for (const follow of host.follows.values()) {
        if (configuration === undefined || follow.configuration === configuration) {
          followers.push(followerOf(host, follow, times));
        }
      }
    }
    return followers;
  }

  hostNames(): string[] {
    return [...this.#hosts.all.keys()];
  }

  /** Sends an order to the agent that follows the configuration on a host. */
  order(host: string, configuration: string, line: RegistryLine): OrderResult {
    const presence = this.#hosts.follow(host, configuration)?.presence;
    if (presence === undefined) return 'not-connected';
    if (line.type === 'cancel' && !presence.takesCancel) return 'too-old';
    presence.listener.tell(line);
    return 'delivered';
  }

  /**
   * Forgets a host, whose name is free then, or only one of its configurations. The history stays.
   * @throws DeployError not-found; in-use while the host's agent is connected.
   */
  async forget(name: string, configuration?: string): Promise<void> {
    const host = this.#hosts.all.get(name);
    const follows = [...(host?.follows.values() ?? [])].filter(
      (follow) => configuration === undefined || follow.configuration === configuration,
    );
    if (host === undefined || (configuration !== undefined && follows.length === 0)) {
      throw new DeployError(
        'not-found',
        `no host ${name} ${configuration === undefined ? 'is known' : `follows "${configuration}"`}`,
      );
    }
    for (const { presence } of follows) checkSilent(presence, this.#silence());
    for (const { presence } of follows)
      if (presence !== undefined) this.#displace(presence, 'this host was forgotten');
    for (const follow of follows) host.follows.delete(follow.configuration);
    if (configuration === undefined) this.#hosts.all.delete(name);
    await this.#persistence.forget(name, configuration);
    for (const follow of follows) this.events.publish({ name: follow.configuration });
  }

  /** Logs lost hosts, and stores the last contact of the others. To be called several times within `lostAfterMs`. */
  sweep(): void {
    for (const { record, follows } of this.#hosts.all.values()) {
      for (const follow of follows.values()) this.#sweepOne(record.host, follow);
    }
  }

  /** Resolves when all present reports are on the disk. */
  flush(): Promise<void> {
    return this.#persistence.flush();
  }

  /** Writes the last contacts and all queued entries. */
  async close(): Promise<void> {
    for (const { record, follows } of this.#hosts.all.values()) {
      for (const follow of follows.values()) this.#writeContact(record.host, follow, 0);
    }
    await this.flush();
  }

  #note(host: Host, follow: Follow, report: StateReport): void {
    const changed = isChange(follow.report, report);
    follow.report = report;
    follow.spoken = true;
    follow.doubtful = undefined;
    if (changed) {
      follow.changed = this.#now();
      this.#persistence.state(host, follow);
    }
    this.events.publish({ name: follow.configuration });
  }

  /** Marks the known state as possibly outdated: an agent sends past outcomes before its present state. */
  #doubt(follow: Follow, report: StateReport, isMarked: boolean): void {
    if (!isMarked) follow.doubtful = report;
    follow.spoken = false;
    this.events.publish({ name: follow.configuration });
  }

  async #store(
    { host, speaker }: Presence,
    follow: Follow,
    { log, ...report }: StateReport & { readonly deploy: string; readonly log: readonly string[] },
  ): Promise<Intake> {
    const outcome = attemptAndState(report);
    if (follow.stored === outcome) return 'known';
    const record = { time: this.#now(), host, key: speaker.key, address: speaker.address, report };
    follow.storing += 1;
    await this.#persistence.deploy(record, log).finally(() => {
      follow.storing -= 1;
      this.events.publish({ name: follow.configuration }); // a second time: the outcome is stored now, or cannot be
    });
    follow.stored = outcome;
    return 'stored';
  }

  #displace(presence: Presence, reason: string): void {
    this.leave(presence);
    presence.listener.end(reason);
  }

  #sweepOne(host: string, follow: Follow): void {
    this.#writeContact(host, follow, CONTACT_EVERY_MS);
    const isLost = contactOf(heardAt(follow), this.#silence()) === 'lost';
    if (isLost === follow.missed) return;
    follow.missed = isLost;
    const facts = { host, configuration: follow.configuration, state: follow.report?.state };
    if (isLost) this.#options.log.warn(facts, 'host lost');
    else this.#options.log.info(facts, 'lost host has recovered');
    this.events.publish({ name: follow.configuration });
  }

  /** Writes the last contact, unless the stored contact is younger than `everyMs`. */
  #writeContact(host: string, follow: Follow, everyMs: number): void {
    if (follow.presence === undefined) return;
    const contact = this.#timeOf(follow.presence.heardAt);
    if (Date.parse(contact) - Date.parse(follow.contact) < everyMs) return;
    follow.contact = contact;
    this.#persistence.contact(host, follow);
  }

  #silence(): Silence {
    return { now: this.#options.steady(), lostAfterMs: this.#options.lostAfterMs };
  }

  #now(): string {
    return this.#options.clock().toISOString();
  }

  #timeOf(steady: number): string {
    return timeOf(steady, this.#options.steady(), this.#options.clock());
  }
}
