import type { ConfigurationNotice, Notice } from '@deploy-tools/notices/notice.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { MetaReader, MetaStore, Revision } from '../../meta/meta-store.js';
import { type Clock, timestamp } from '../clock.js';
import type { ConfigurationEvents } from '../configuration-events.js';
import type { Fleet } from '../fleet/fleet.js';
import { statusOf } from '../fleet/fleet-status.js';
import { authorName } from '../principal.js';
import { adoptRollout, type JudgedRollout, judgeRollout } from './judge-rollout.js';
import type { Notifier } from './notifier.js';
import { type EarlierFailures, earlierFailures, type RolloutFacts, rolloutFacts } from './rollout-facts.js';
import { decodeRolloutState, encodeRolloutState, newRollout, type RolloutState } from './rollout-state.js';

/** Changes within this time are checked together: many hosts report at the same time. */
const GATHER_MS = 500;
/** Delay before the next check after the store failed. */
const AFTER_FAILURE_MS = 5000;
/** The most changes of one configuration that one check announces; of more changes, the newest. */
const MAX_CHANGES = 20;
/** The most failed attempts at an earlier revision that are read for the most common error. */
const MAX_FAILURES = 200;

export interface RolloutPorts {
  readonly meta: MetaStore;
  readonly configurations: { readonly events: ConfigurationEvents };
  readonly fleet: Fleet;
  readonly notices: Pick<Notifier, 'notify'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Makes notices of configurations and their rollouts, by comparing the present state with the notices that were sent. A notice
 * is noted in the store before it is sent, so that a registry that ends at any time sends none twice.
 */
export class Rollouts {
  readonly #ports: RolloutPorts;
  readonly #states: Map<string, RolloutState>;
  readonly #dirty = new Set<string>();
  readonly #again = new Map<string, NodeJS.Timeout>();
  /** RFC 3339 UTC. */
  readonly #openedAt: string;
  readonly #unsubscribe: readonly (() => void)[];
  #timer: NodeJS.Timeout | undefined;
  #checking: Promise<void> = Promise.resolve();
  #stopped = false;

  private constructor(ports: RolloutPorts, states: Map<string, RolloutState>) {
    this.#ports = ports;
    this.#states = states;
    this.#openedAt = timestamp(ports.clock);
    this.#unsubscribe = [
      ports.configurations.events.subscribe(undefined, ({ name }) => this.#mark(name)),
      ports.fleet.events.subscribe(undefined, ({ name }) => this.#mark(name)),
    ];
  }

  /** Announces changes since the last notice. A configuration without any notice is only noted. */
  static async open(ports: RolloutPorts): Promise<Rollouts> {
    const records = await ports.meta.read(({ notices }) => notices.rollouts());
    const states = new Map<string, RolloutState>();
    for (const { configuration, state } of records) {
      try {
        states.set(configuration, decodeRolloutState(state));
      } catch (error) {
        const facts = { configuration, err: describeError(error) };
        ports.log.error(facts, 'a rollout is treated as one without notices');
      }
    }
    const rollouts = new Rollouts(ports, states);
    for (const name of await ports.meta.read((tx) => tx.configurations())) {
      if (states.has(name)) continue;
      const found = await rollouts.#find(name);
      if (found !== undefined) await rollouts.#note(name, adoptRollout(found.facts));
    }
    for (const name of states.keys()) rollouts.#mark(name);
    return rollouts;
  }

  /** Checks the rollouts that have not ended. To be called at intervals: no event announces a lost host. */
  check(): void {
    for (const [name, { notified, settled }] of this.#states) {
      if (notified === 'succeeded' || (notified === 'failed' && settled)) continue;
      this.#mark(name);
    }
  }

  /** Resolves when no check runs. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    clearTimeout(this.#timer);
    for (const timer of this.#again.values()) clearTimeout(timer);
    await this.#checking;
  }

  #mark(name: string): void {
    if (this.#stopped) return;
    this.#dirty.add(name);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#checking = this.#checking.then(() => this.#checkAll());
    }, GATHER_MS).unref();
  }

  async #checkAll(): Promise<void> {
    for (const name of [...this.#dirty]) {
      if (this.#stopped) return;
      this.#dirty.delete(name);
      try {
        const recheckMs = await this.#checkOne(name);
        if (recheckMs !== undefined) this.#checkLater(name, recheckMs);
      } catch (error) {
        this.#ports.log.error(
          { configuration: name, err: describeError(error) },
          'notices of a rollout cannot be made',
        );
        this.#checkLater(name, AFTER_FAILURE_MS);
      }
    }
  }

  #checkLater(name: string, ms: number): void {
    if (this.#stopped || this.#again.has(name)) return;
    const timer = setTimeout(() => {
      this.#again.delete(name);
      this.#mark(name);
    }, ms).unref();
    this.#again.set(name, timer);
  }

  async #checkOne(name: string): Promise<number | undefined> {
    const found = await this.#find(name);
    if (found === undefined) return undefined;
    const before = this.#states.get(name);
    const { state, notices, recheckMs } = this.#judge(name, before, found);
    const changes = found.revisions.filter((revision) => this.#isNews(revision, before)).map(changeNotice);
    // A notice is sent even when the store cannot be written.
    if (before === undefined || encodeRolloutState(before) !== encodeRolloutState(state)) {
      await this.#note(name, state).catch((error: unknown) =>
        this.#ports.log.error(
          { configuration: name, err: describeError(error) },
          'the notices that were sent cannot be stored',
        ),
      );
    }
    for (const notice of [...changes, ...notices] satisfies Notice[]) this.#ports.notices.notify(notice);
    return recheckMs;
  }

  /** A configuration that is made again has revisions of before: only those after the start are announced. */
  #isNews({ revision, mtime }: Revision, before: RolloutState | undefined): boolean {
    return before === undefined ? mtime >= this.#openedAt : revision > before.revision;
  }

  #judge(name: string, before: RolloutState | undefined, { head, facts, earlier }: Found): JudgedRollout {
    if (head.layers.length > 0) {
      const now = this.#ports.clock();
      return judgeRollout({ configuration: name, facts, now }, before, earlier);
    }
    const state = before?.revision === head.revision ? before : newRollout(head.revision, undefined);
    return { state, notices: [], recheckMs: undefined };
  }

  async #note(name: string, state: RolloutState): Promise<void> {
    this.#states.set(name, state);
    const record = { configuration: name, revision: state.revision, state: encodeRolloutState(state) };
    await this.#ports.meta.write(({ notices }) => notices.putRollout(record));
  }

  async #find(name: string): Promise<Found | undefined> {
    const stored = await this.#ports.meta.read(async (tx) => {
      const revisions = await tx.revisions(name, MAX_CHANGES);
      const head = revisions.at(-1);
      if (head === undefined) return undefined;
      const failures = await tx.fleet.mostFailures(name, head.revision);
      return { head, revisions, failures, earlier: await this.#earlier(tx, name, head) };
    });
    if (stored === undefined) return undefined;
    const { head, revisions, failures, earlier } = stored;
    const { fleet } = this.#ports;
    const hosts = statusOf(fleet, fleet.followers(name), () => head.hash);
    return { head, revisions, facts: rolloutFacts(head, hosts, failures), earlier };
  }

  /** The failures of the earlier revision, where notices of its failures were sent. */
  async #earlier(tx: MetaReader, name: string, head: Revision): Promise<EarlierFailures | undefined> {
    const before = this.#states.get(name);
    if (before === undefined || before.revision === head.revision || before.notified !== 'failed')
      return undefined;
    const records = await tx.fleet.deploys({ configuration: name, failed: true, limit: MAX_FAILURES });
    return earlierFailures(before.revision, await tx.fleet.landings(name, before.revision), records);
  }
}

interface Found {
  readonly head: Revision;
  /** The newest revisions, oldest first. */
  readonly revisions: readonly Revision[];
  readonly facts: RolloutFacts;
  readonly earlier: EarlierFailures | undefined;
}

/** The notice of a revision; a revision without layers is a deletion. */
function changeNotice({ name, revision, mtime, author, command, layers }: Revision): ConfigurationNotice {
  const change = { revision, author: authorName(author), command, deleted: layers.length === 0 };
  return { event: 'configuration-changed', time: mtime, configuration: name, ...change };
}
