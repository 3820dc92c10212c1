import { assess } from '@deploy-tools/registry/core/fleet/assess.js';
import { Fleet } from '@deploy-tools/registry/core/fleet/fleet.js';
import { fleetStatus } from '@deploy-tools/registry/core/fleet/fleet-status.js';
import { waitResult } from '@deploy-tools/registry/core/fleet/wait-result.js';
import type { MetaStore } from '@deploy-tools/registry/meta/meta-store.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { OUTCOMES, type Outcome } from '@deploy-tools/shared/report/deploy-state.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ModelledHost, type Truth } from '../../support/modelled-host.js';
import { addText, FLEET, OPERATOR, openRegistry, type TestRegistry } from '../../support/open-registry.js';

const RUNS = { numRuns: 55 };

const HOSTS = ['web1', 'web2'];
const VERSIONS = ['v1', 'v2'];
const DAY = 86_400_000;
const JUMPS = [-2 * DAY, -1000, 0, 1000, 2 * DAY];

const host = fc.oneof(
  { weight: 4, arbitrary: fc.constant('web1') },
  { weight: 1, arbitrary: fc.constant('web2') },
);
const one = <K extends string, T>(kind: K, value: fc.Arbitrary<T>) =>
  fc.tuple(fc.constant(kind), host, value);
const nothing = fc.constant(undefined);
const outcome = fc.constantFrom(...OUTCOMES, 'healthy' as const);

/** What can happen. The registry's clock and its restarts happen to all hosts. */
const step = fc.oneof(
  { weight: 3, arbitrary: one('want', fc.constantFrom(...VERSIONS)) },
  { weight: 8, arbitrary: one('deploy', outcome) },
  { weight: 8, arbitrary: one('away', fc.tuple(outcome, fc.integer({ min: 1, max: 4 }))) },
  { weight: 2, arbitrary: one('behind', outcome) },
  { weight: 1, arbitrary: one('poll', nothing) },
  { weight: 3, arbitrary: one('work', outcome) },
  { weight: 1, arbitrary: one('crash', nothing) },
  { weight: 1, arbitrary: one('pause', nothing) },
  { weight: 3, arbitrary: one('connect', nothing) },
  { weight: 2, arbitrary: one('cut', nothing) },
  { weight: 1, arbitrary: one('greet', nothing) },
  { weight: 1, arbitrary: one('beat', nothing) },
  { weight: 1, arbitrary: one('forget', nothing) },
  { weight: 6, arbitrary: one('deliver', fc.tuple(fc.integer({ min: 1, max: 4 }), fc.boolean())) },
  { weight: 6, arbitrary: one('deliverAll', fc.boolean()) },
  { weight: 6, arbitrary: one('skew', fc.constantFrom(...JUMPS)) },
  { weight: 2, arbitrary: one('pass', fc.constantFrom(1, 1000, 14_000, 46_000)) },
  { weight: 1, arbitrary: one('jump', fc.constantFrom(...JUMPS)) },
  { weight: 2, arbitrary: one('restart', fc.boolean()) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A registry and hosts that follow one of its configurations, between which anything may happen. */
class History {
  readonly hosts: readonly ModelledHost[];
  registry: TestRegistry;
  readonly #name: string;
  readonly #meta: MetaStore;
  #steadyMs = 0;
  #isDead = { value: false };

  private constructor(registry: TestRegistry, name: string, marks: boolean) {
    this.#meta = registry.meta;
    this.#name = name;
    this.registry = registry;
    this.hosts = HOSTS.map((host) => new ModelledHost(registry, `${host}.${name}`, name, marks));
  }

  static async begin(registry: TestRegistry, name: string, marks: boolean): Promise<History> {
    const history = new History(registry, name, marks);
    await registry.configurations.put(change, name, [{ component: 'code', version: 'v1' }]);
    await history.restart(true);
    return history;
  }

  async take([kind, name, value]: Step): Promise<void> {
    const host = this.hosts[HOSTS.indexOf(name)];
    if (host === undefined) throw new Error(name);
    switch (kind) {
      case 'want':
        await this.registry.configurations.changeLayer(change, this.#name, {
          component: 'code',
          version: value,
        });
        return;
      case 'poll':
        return host.poll((await this.status()).head.hash);
      case 'work':
        return host.work(value);
      case 'deploy':
        return this.#deploy(host, value);
      case 'away':
        host.cut();
        await this.#deploy(host, value[0]);
        host.connect();
        return host.deliver(value[1], true);
      case 'behind':
        host.isBehind = true;
        await this.#deploy(host, value);
        host.isBehind = false;
        host.tellAll();
        return host.deliver(1, true);
      case 'crash':
      case 'pause':
      case 'connect':
      case 'cut':
      case 'beat':
        return host[kind]();
      case 'greet':
        return host.greet();
      case 'forget':
        return this.#forget(host);
      case 'deliver':
        expect(await host.deliverOld()).toBe(false);
        return host.deliver(...value);
      case 'deliverAll':
        if (!host.marks) host.beat();
        return host.deliver(1000, value);
      case 'skew':
        host.skewMs = value;
        return;
      case 'pass':
        this.#steadyMs += value;
        return this.registry.pass(value);
      case 'jump':
        return this.registry.pass(value);
      case 'restart':
        return this.restart(value);
    }
  }

  /** @param clean otherwise as by kill -9: what may wait to be written is not. */
  async restart(clean: boolean): Promise<void> {
    if (clean) await this.registry.fleet.close();
    this.#isDead.value = true;
    const isDead = { value: false };
    this.#isDead = isDead;
    const meta: MetaStore = {
      read: (work) => this.#meta.read(work),
      write: (work) =>
        isDead.value ? Promise.reject(new DeployError('internal', 'killed')) : this.#meta.write(work),
      shrink: () => this.#meta.shrink(),
      close: () => this.#meta.close(),
    };
    const steady = () => this.#steadyMs;
    const fleet = await Fleet.open({ ...this.registry, ...FLEET, meta, steady });
    this.registry = { ...this.registry, fleet };
    for (const host of this.hosts) host.moveTo(this.registry);
  }

  status(): ReturnType<typeof fleetStatus> {
    return fleetStatus(this.registry, this.#name);
  }

  async #deploy(host: ModelledHost, outcome: Outcome): Promise<void> {
    host.poll((await this.status()).head.hash);
    host.work(outcome);
    host.work(outcome);
  }

  async #forget(host: ModelledHost): Promise<void> {
    try {
      await this.registry.fleet.forget(host.name);
    } catch (error) {
      expect(error).toMatchObject({ kind: expect.stringMatching(/^(in-use|not-found)$/) });
    }
  }
}

const change = { author: OPERATOR, command: 'x' };

/** What is to be said of a host that is as it says. */
function expected({ state, hash, runsWell }: Truth, wanted: string): string {
  const running = runsWell === undefined ? {} : { running: { hash: runsWell }, lastGood: { hash: runsWell } };
  const report = { config: 'p', state, ...(hash === undefined ? {} : { hash }), ...running };
  return assess({ contact: 'live', isCurrent: true, report }, wanted);
}

/** Nobody is in sync who was not when it said what arrived last; and then the whole fleet is not. */
async function checkNobodyLies(history: History): Promise<void> {
  const { head, hosts } = await history.status();
  for (const { follower, category } of hosts) {
    if (category !== 'in-sync') continue;
    const { heard } = history.hosts.find(({ name }) => name === follower.record.host) ?? {};
    expect(heard && expected(heard, head.hash), `${follower.record.host} is said to be in sync`).toBe(
      'in-sync',
    );
  }
  const isAll = hosts.every(({ category }) => category === 'in-sync');
  const verdict = waitResult(hosts, { settle: false, isLate: true });
  expect(verdict === 'in-sync').toBe(isAll && hosts.length > 0);
}

/** Of a host that is connected and has said everything, the truth is told. */
async function checkTruth(history: History): Promise<void> {
  const { head, hosts } = await history.status();
  for (const host of history.hosts) {
    if (!host.isQuiet) continue;
    const found = hosts.find(({ follower }) => follower.record.host === host.name);
    if (found?.category === 'lost') continue;
    expect(found?.category, host.name).toBe(expected(host.truth, head.hash));
  }
}

/** Everything arrives, with a sign of life after it. */
async function settle(history: History): Promise<void> {
  for (const host of history.hosts) {
    host.connect();
    host.beat();
    await host.deliver(1000, true);
    expect(host.isQuiet).toBe(true);
  }
}

describe('whatever hosts, channels, clocks and the registry do', () => {
  test.each([
    ['mark what they tell again', true],
    ['do not, as earlier ones', false],
  ])('with agents that %s', async (_what, marks) => {
    const registry = await openRegistry();
    for (const version of VERSIONS) await addText(registry, 'code', version);
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 50, size: 'max' }), async (steps) => {
        runs += 1;
        const history = await History.begin(registry, `p${runs}`, marks);
        for (const each of steps) {
          await history.take(each);
          if (marks) await checkNobodyLies(history);
          if (marks || each[0] === 'deliverAll') await checkTruth(history);
        }
        await settle(history);
        await checkTruth(history);
        await checkNobodyLies(history);
      }),
      RUNS,
    );
  });
});
