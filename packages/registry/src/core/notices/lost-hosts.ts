import type { HostNotice } from '@deploy-tools/notices/notice.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { MetaStore } from '../../meta/meta-store.js';
import { type Clock, timestamp } from '../clock.js';
import type { Fleet } from '../fleet/fleet.js';
import type { Follower } from '../fleet/follower.js';
import type { NoticeDesk } from './notice-desk.js';

/** Hosts that a notice names. */
const MAX_NAMED = 10;
/** Looks that hosts wait for others to be told with. */
const MOST_LOOKS = 3;
/** Agents need some time to come back to a registry that was restarted: as many times `-lost-after`. */
const PATIENCE = 3;

type Contact = 'live' | 'lost' | 'unknown';

export interface LostHostsPorts {
  readonly meta: MetaStore;
  readonly fleet: Pick<Fleet, 'followers' | 'ageMs' | 'lostAfterMs'>;
  readonly notices: Pick<NoticeDesk, 'tell'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Makes notices of hosts that are lost and of their return, many in one: what one outage takes is told once. What was
 * told is on record, so that a registry that was restarted tells it neither again nor never.
 */
export class LostHosts {
  readonly #ports: LostHostsPorts;
  readonly #told: Set<string>;
  /** The hosts of the last look that differ from what was told, and how many looks they waited for others. */
  #fresh = new Set<string>();
  #looks = 0;
  #running: Promise<void> | undefined;

  private constructor(ports: LostHostsPorts, told: readonly string[]) {
    this.#ports = ports;
    this.#told = new Set(told);
  }

  static async open(ports: LostHostsPorts): Promise<LostHosts> {
    return new LostHosts(ports, await ports.meta.read(({ notices }) => notices.lostHosts()));
  }

  /** To be called a few times while a host becomes lost. */
  check(): void {
    this.#running ??= this.#check()
      .catch((error: unknown) =>
        this.#ports.log.error({ err: describeError(error) }, 'notices of hosts cannot be made'),
      )
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Resolves when nothing of it uses the store any more. */
  async stop(): Promise<void> {
    await this.#running;
  }

  async #check(): Promise<void> {
    const followers = byHost(this.#ports.fleet.followers());
    const contacts = new Map([...followers].map(([host, follows]) => [host, this.#contact(follows)]));
    const forgotten = [...this.#told].filter((host) => !contacts.has(host));
    const lost = [...contacts].filter(([host, contact]) => contact === 'lost' && !this.#told.has(host));
    const back = [...contacts].filter(([host, contact]) => contact === 'live' && this.#told.has(host));
    const fresh = new Set([...lost, ...back].map(([host]) => host));
    const isMore = [...fresh].some((host) => !this.#fresh.has(host));
    this.#looks = fresh.size === 0 ? 0 : this.#looks + 1;
    this.#fresh = fresh;
    const isTime = fresh.size > 0 && (!isMore || this.#looks >= MOST_LOOKS);
    if (!isTime) return this.#record([], forgotten);
    this.#looks = 0;
    this.#fresh = new Set();
    const [lostNames, backNames] = [lost, back].map((hosts) => hosts.map(([host]) => host)) as [
      string[],
      string[],
    ];
    await this.#record(lostNames, [...forgotten, ...backNames]);
    const named = (hosts: readonly string[]) => hosts.map((host) => followers.get(host) ?? []);
    if (lost.length > 0) this.#ports.notices.tell(this.#notice('host-lost', named(lostNames)));
    if (back.length > 0) this.#ports.notices.tell(this.#notice('host-recovered', named(backNames)));
  }

  /** A host is there when any of its agents is. */
  #contact(follows: readonly Follower[]): Contact {
    const contacts = follows.map(({ contact }) => contact);
    if (contacts.includes('live')) return 'live';
    const { fleet } = this.#ports;
    if (contacts.includes('lost')) return 'lost';
    return fleet.ageMs > PATIENCE * fleet.lostAfterMs ? 'lost' : 'unknown';
  }

  async #record(lost: readonly string[], others: readonly string[]): Promise<void> {
    if (lost.length + others.length === 0) return;
    for (const host of lost) this.#told.add(host);
    for (const host of others) this.#told.delete(host);
    const write = this.#ports.meta.write(async ({ notices }) => {
      for (const host of lost) await notices.addLostHost(host);
      for (const host of others) await notices.deleteLostHost(host);
    });
    // A store that cannot be written to is no reason for silence.
    await write.catch((error: unknown) =>
      this.#ports.log.error({ err: describeError(error) }, 'what is told of hosts is not on record'),
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
