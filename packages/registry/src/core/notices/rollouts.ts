import type { Notice } from '@deploy-tools/notices/notice.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { MetaReader, MetaStore, Revision } from '../../meta/meta-store.js';
import { type Clock, timestamp } from '../clock.js';
import type { ConfigurationEvents } from '../configuration-events.js';
import type { Fleet } from '../fleet/fleet.js';
import { statusOf } from '../fleet/fleet-status.js';
import { changeNotice } from './change-notice.js';
import { type EarlierFailures, earlierFailures } from './earlier-failures.js';
import { adoptRollout, type JudgedRollout, judgeRollout } from './judge-rollout.js';
import type { NoticeDesk } from './notice-desk.js';
import { type RolloutFacts, rolloutFacts } from './rollout-facts.js';
import { decodeRolloutState, encodeRolloutState, newRollout, type RolloutState } from './rollout-state.js';

/** What happens on many hosts at the same time is looked at together. */
const GATHER_MS = 500;
/** After the store failed. */
const AFTER_FAILURE_MS = 5000;
/** Changes of one configuration that are told one by one; of more in one look the newest. */
const MAX_CHANGES = 20;
/** Failed attempts that are looked at for what most hosts of an earlier revision say. */
const MAX_FAILURES = 200;

export interface RolloutPorts {
  readonly meta: MetaStore;
  readonly configurations: { readonly events: ConfigurationEvents };
  readonly fleet: Fleet;
  readonly notices: Pick<NoticeDesk, 'tell'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Makes notices of configurations and their rollouts: compares what is on record with what was told. What was told is
 * written down before it is told, so that nothing is told twice, whenever the registry ends.
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
      ports.fleet.events.subscribeAll((name) => this.#mark(name)),
    ];
  }

  /** What is there and was never told of is not told now; what changed after it was told is. */
  static async open(ports: RolloutPorts): Promise<Rollouts> {
    const records = await ports.meta.read(({ notices }) => notices.rollouts());
    const states = new Map<string, RolloutState>();
    for (const { configuration, state } of records) {
      try {
        states.set(configuration, decodeRolloutState(state));
      } catch (error) {
        const facts = { configuration, err: describeError(error) };
        ports.log.error(facts, 'a rollout is treated as one that nobody was notified of');
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

  /** Hosts become lost by the passing of time: to be called now and then. */
  check(): void {
    for (const [name, { told, settled }] of this.#states) {
      if (told === 'started' || told === 'nothing' || (told === 'failed' && !settled)) this.#mark(name);
    }
  }

  /** Resolves when nothing is looked at any more. */
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
        this.#ports.log.error({ configuration: name, err: describeError(error) }, 'notices cannot be made');
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
    // A store that cannot be written to is no reason for silence.
    if (before === undefined || encodeRolloutState(before) !== encodeRolloutState(state)) {
      await this.#note(name, state).catch((error: unknown) =>
        this.#ports.log.error(
          { configuration: name, err: describeError(error) },
          'what is told is not on record',
        ),
      );
    }
    for (const notice of [...changes, ...notices] satisfies Notice[]) this.#ports.notices.tell(notice);
    return recheckMs;
  }

  /** A name that comes back brings its history along. */
  #isNews({ revision, mtime }: Revision, before: RolloutState | undefined): boolean {
    return before === undefined ? mtime >= this.#openedAt : revision > before.revision;
  }

  #judge(name: string, before: RolloutState | undefined, { head, facts, earlier }: Found): JudgedRollout {
    if (head.layers.length > 0) {
      const now = this.#ports.clock();
      return judgeRollout({ configuration: name, facts, now }, before, earlier);
    }
    const isKnown = before?.revision === head.revision;
    return {
      state: isKnown ? before : newRollout(head.revision, undefined),
      notices: [],
      recheckMs: undefined,
    };
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

  /** Of the revision whose failures were told of and that is not wanted any more. */
  async #earlier(tx: MetaReader, name: string, head: Revision): Promise<EarlierFailures | undefined> {
    const before = this.#states.get(name);
    if (before === undefined || before.revision === head.revision || before.told !== 'failed')
      return undefined;
    const records = await tx.fleet.deploys({ configuration: name, failed: true, limit: MAX_FAILURES });
    return earlierFailures(before.revision, await tx.fleet.landings(name, before.revision), records);
  }
}

interface Found {
  readonly head: Revision;
  /** The newest, oldest first. */
  readonly revisions: readonly Revision[];
  readonly facts: RolloutFacts;
  readonly earlier: EarlierFailures | undefined;
}
