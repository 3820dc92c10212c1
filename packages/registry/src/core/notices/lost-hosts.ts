import type { HostNotice } from '@deploy-tools/notices/notice.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { MetaStore } from '../../meta/meta-store.js';
import { type Clock, timestamp } from '../clock.js';
import type { Fleet } from '../fleet/fleet.js';
import type { Follower } from '../fleet/follower.js';
import type { Notifier } from './notifier.js';

/** Hosts that a notice names. */
const MAX_NAMED = 10;
/** Checks that a lost host waits, so that one notice announces it with others. */
const MAX_CHECKS = 3;
/** Times `-lost-after` that agents have to reconnect to a registry that was restarted. */
const GRACE_PERIODS = 3;

type HostContact = 'live' | 'lost' | 'unknown';

export interface LostHostsPorts {
  readonly meta: MetaStore;
  readonly fleet: Pick<Fleet, 'followers' | 'ageMs' | 'lostAfterMs'>;
  readonly notices: Pick<Notifier, 'notify'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Makes notices of lost hosts and of their recovery, one notice for all hosts of an outage. The announced hosts are stored, so
 * that a restart neither repeats a notice nor loses one.
 */
export class LostHosts {
  readonly #ports: LostHostsPorts;
  readonly #announced: Set<string>;
  /** The hosts of the last check whose change is not announced yet, and the number of checks that they have waited. */
  #fresh = new Set<string>();
  #checks = 0;
  #running: Promise<void> | undefined;

  private constructor(ports: LostHostsPorts, announced: readonly string[]) {
    this.#ports = ports;
    this.#announced = new Set(announced);
  }

  static async open(ports: LostHostsPorts): Promise<LostHosts> {
    return new LostHosts(ports, await ports.meta.read(({ notices }) => notices.lostHosts()));
  }

  /** To be called several times within `-lost-after`. */
  check(): void {
    this.#running ??= this.#check()
      .catch((error: unknown) =>
        this.#ports.log.error({ err: describeError(error) }, 'notices of lost hosts cannot be made'),
      )
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Resolves when no check runs. */
  async stop(): Promise<void> {
    await this.#running;
  }

  async #check(): Promise<void> {
    const followers = byHost(this.#ports.fleet.followers());
    const find = (contact: HostContact, isAnnounced: boolean) =>
      [...followers.keys()].filter(
        (host) =>
          this.#announced.has(host) === isAnnounced && this.#contact(followers.get(host) ?? []) === contact,
      );
    const lost = find('lost', false);
    const recovered = find('live', true);
    const forgotten = [...this.#announced].filter((host) => !followers.has(host));
    const fresh = new Set([...lost, ...recovered]);
    const isMore = [...fresh].some((host) => !this.#fresh.has(host));
    this.#checks = fresh.size === 0 ? 0 : this.#checks + 1;
    this.#fresh = fresh;
    const isTime = fresh.size > 0 && (!isMore || this.#checks >= MAX_CHECKS);
    if (!isTime) return this.#record([], forgotten);
    this.#checks = 0;
    this.#fresh = new Set();
    await this.#record(lost, [...forgotten, ...recovered]);
    const followsOf = (hosts: readonly string[]) => hosts.map((host) => followers.get(host) ?? []);
    const { notices } = this.#ports;
    if (lost.length > 0) notices.notify(this.#notice('host-lost', followsOf(lost)));
    if (recovered.length > 0) notices.notify(this.#notice('host-recovered', followsOf(recovered)));
  }

  /** A host is live when any of its agents is. */
  #contact(follows: readonly Follower[]): HostContact {
    const contacts = follows.map(({ contact }) => contact);
    if (contacts.includes('live')) return 'live';
    const { fleet } = this.#ports;
    if (contacts.includes('lost')) return 'lost';
    return fleet.ageMs > GRACE_PERIODS * fleet.lostAfterMs ? 'lost' : 'unknown';
  }

  async #record(lost: readonly string[], others: readonly string[]): Promise<void> {
    if (lost.length + others.length === 0) return;
    for (const host of lost) this.#announced.add(host);
    for (const host of others) this.#announced.delete(host);
    const write = this.#ports.meta.write(async ({ notices }) => {
      for (const host of lost) await notices.addLostHost(host);
      for (const host of others) await notices.deleteLostHost(host);
    });
    // A notice is sent even when the store cannot be written.
    await write.catch((error: unknown) =>
      this.#ports.log.error(
        { err: describeError(error) },
        'the hosts that were announced as lost cannot be stored',
      ),
    );
  }

  #notice(event: HostNotice['event'], hosts: readonly (readonly Follower[])[]): HostNotice {
    const first = hosts.slice(0, MAX_NAMED).flatMap((follows) => follows.slice(0, 1));
    return {
      event,
      time: timestamp(this.#ports.clock),
      hosts: hosts.length,
      named: first.map(({ record, silentMs }) => ({
        host: record.host,
        reason: event === 'host-lost' ? `silent for ${Math.round(silentMs / 1000)} s` : '',
      })),
      configurations: [...new Set(hosts.flat().map(({ configuration }) => configuration))].sort(),
    };
  }
}

function byHost(followers: readonly Follower[]): Map<string, Follower[]> {
  const hosts = new Map<string, Follower[]>();
  for (const follower of followers) {
    const known = hosts.get(follower.record.host) ?? [];
    known.push(follower);
    hosts.set(follower.record.host, known);
  }
  return hosts;
}
