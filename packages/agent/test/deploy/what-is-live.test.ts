import { existsSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { AgentContext } from '@deploy-tools/agent/deploy/agent-context.js';
import { isOver } from '@deploy-tools/agent/deploy/deploy-step.js';
import { deployWanted } from '@deploy-tools/agent/deploy/deploy-wanted.js';
import { liveRelease } from '@deploy-tools/agent/deploy/journal.js';
import { rollbackByHand } from '@deploy-tools/agent/deploy/operator-requests.js';
import { recover, resumeAttempt } from '@deploy-tools/agent/deploy/resume-attempt.js';
import { readState } from '@deploy-tools/agent/deploy/state-file.js';
import { presentReport } from '@deploy-tools/agent/tell/report/present-report.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import type { Archive } from '../../../../test/support/archive.js';
import { fileScope, testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { packTree } from '../../../../test/support/tree.js';
import { agentContext, configOf, fillCache, playedUpstream } from '../agent-context.js';
import { Killed, MortalLedger } from './mortal-ledger.js';

const VERSIONS = ['v1', 'v2', 'v3', 'v4'] as const;
type Version = (typeof VERSIONS)[number];

/** What a host is told to do with a release, by files that its script and hooks look for. */
const FAULTS = ['pre', 'prepare', 'veto', 'script', 'validate'] as const;
type Fault = (typeof FAULTS)[number];

const archives = new Map<Version, Archive>();
const configs = new Map<Version, AgentConfig>();

beforeAll(async () => {
  const scope = fileScope();
  const root = tempDir(scope);
  for (const [index, version] of VERSIONS.entries()) {
    const archive = await packTree(scope, root, version, { version });
    archives.set(version, archive);
    configs.set(version, { ...configOf(archive), revision: index + 1 });
  }
});

/** A host: what its script did to it, and an agent that can be killed and started again. */
class Host {
  readonly #dir: string;
  readonly #rollback: boolean;
  #context!: AgentContext;

  constructor(rollback: boolean) {
    this.#dir = tempDir(testScope());
    this.#rollback = rollback;
    fillCache(this.#dir, archives.values());
    const has = (fault: string) => `[ -e '${this.#dir}'/${fault}-"$(cat "$NEWROOT/version" 2>/dev/null)" ]`;
    const script = [
      `${has('veto')} && exit 75`,
      `echo "half $(cat "$NEWROOT/version")" > '${this.#dir}/host'`,
      `${has('script')} && exit 1`,
      `[ "$REASON" = rollback ] && [ -e '${this.#dir}/back' ] && exit 1`,
      `cp "$NEWROOT/version" '${this.#dir}/host'`,
    ];
    this.#program('script', script.join('\n'));
    for (const hook of ['prepare', 'validate']) this.#program(hook, `${has(hook)} && exit 1`);
    this.#program('pre', `[ -e '${this.#dir}'/pre-$REVISION ] && exit 1`);
  }

  #program(name: string, body: string): void {
    writeFileSync(join(this.#dir, name), `#!/bin/sh\n${body}\nexit 0\n`, { mode: 0o755 });
  }

  /** A new agent finds what the one before left. @param last as MortalLedger has it. */
  async start(last = Number.POSITIVE_INFINITY, isAfter = false): Promise<void> {
    const at = (name: string) => join(this.#dir, name);
    const hooks = { pre: at('pre'), prepare: at('prepare'), validate: at('validate') };
    const settings = { script: at('script'), hooks, rollback: this.#rollback };
    const state = at('state.json');
    const options = {
      path: at('journal.json'),
      attemptsPath: at('attempts.json'),
      clock: () => new Date(),
      lastGood: () => readState(state),
    };
    const ledger = new MortalLedger(options, last, isAfter);
    this.#context = await agentContext(this.#dir, settings, { ledger });
  }

  /** One look by the agent. @returns false when it was killed. */
  async look(wanted: Version): Promise<boolean> {
    const config = configOfVersion(wanted);
    const upstream = playedUpstream(() => config);
    try {
      await recover(this.#context);
      await resumeAttempt(this.#context, upstream);
      await deployWanted(this.#context, upstream, true);
      return true;
    } catch (error) {
      if (error instanceof Killed) return false;
      throw error;
    } finally {
      await this.#context.releases.threads.stop();
    }
  }

  set(fault: Fault | 'back', version: Version): void {
    writeFileSync(
      join(this.#dir, fault === 'back' ? 'back' : `${fault}-${fault === 'pre' ? version.slice(1) : version}`),
      '',
    );
  }

  heal(version: Version): void {
    for (const fault of FAULTS)
      rmSync(join(this.#dir, `${fault}-${fault === 'pre' ? version.slice(1) : version}`), { force: true });
    rmSync(join(this.#dir, 'back'), { force: true });
  }

  /** All that says something of what runs here agrees. */
  expectTruth(wanted: Version): void {
    const { ledger, paths } = this.#context;
    const { journal } = ledger;
    const lastGood = readState(paths.state);
    const live = liveRelease(journal, lastGood);
    const host = this.is;
    const current = existsSync(paths.current) ? basename(readlinkSync(paths.current)) : undefined;
    const report = presentReport({
      ...{ config: 'project', journal, lastGood, wanted: configOfVersion(wanted) },
      ...{ paused: false, facts: this.#context.facts },
    });
    const told = [live?.config.revision, live?.how, host, current?.slice(0, 8), report.state].join(' ');
    expect(
      journal.attempt === undefined || isOver(journal.attempt.step) || report.state === 'vetoed',
      told,
    ).toBe(true);
    if (live === undefined) {
      expect([host, current, lastGood], told).toEqual([undefined, undefined, undefined]);
      return;
    }
    const name = versionOf(live.config);
    if (live.how === 'proven') {
      expect([host, current, lastGood?.hash], told).toEqual([name, live.config.hash, live.config.hash]);
      expect(journal.proven?.[0]?.hash, told).toBe(live.config.hash);
    } else if (live.how !== 'unknown') {
      expect(host, told).toContain(name);
      expect(current, told).toBe(live.config.hash);
    }
    if (report.state === 'healthy' || report.state === 'skipped') expect(host, told).toBe(wanted);
    expect(report.running?.hash, told).toBe(live.how === 'unknown' ? undefined : live.config.hash);
  }

  /** The release that somebody who says `ctl rollback` gets. */
  wayBack(): Version | undefined {
    const { ledger, paths } = this.#context;
    try {
      return versionOf(rollbackByHand(ledger.journal, readState(paths.state)).to);
    } catch (error) {
      if (isDeployError(error, 'not-found') || isDeployError(error, 'conflict')) return undefined;
      throw error;
    }
  }

  /** What its script made of it. */
  get is(): string | undefined {
    const path = join(this.#dir, 'host');
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
  }
}

function configOfVersion(version: Version): AgentConfig {
  const config = configs.get(version);
  if (config === undefined) throw new Error(version);
  return config;
}

function versionOf({ revision = 0 }: AgentConfig): Version {
  return VERSIONS[revision - 1] ?? 'v1';
}

/** What is live before the walk begins. */
const BEFORE: Readonly<Record<string, (host: Host) => Promise<void>>> = {
  'a new host': async () => {},
  'v1 proven': async (host) => {
    await host.look('v1');
  },
  'v2 failed over v1': async (host) => {
    await host.look('v1');
    host.set('script', 'v2');
    host.set('back', 'v2');
    await host.look('v2');
    host.heal('v2');
  },
  'v2 proven over v1': async (host) => {
    await host.look('v1');
    await host.look('v2');
  },
};

/** What is gone back to when the next release fails live. */
const LAST_GOOD: Readonly<Record<string, Version>> = {
  'v1 proven': 'v1',
  'v2 failed over v1': 'v1',
  'v2 proven over v1': 'v2',
};

const WALK = fc.record({
  before: fc.constantFrom(...Object.keys(BEFORE)),
  rollback: fc.boolean(),
  fault: fc.constantFrom(undefined, ...FAULTS),
  wanted: fc.constantFrom('v1' as const, 'v4' as const),
  /** At which write of the journal the agent is killed that deploys v3; far ones it does not get to. */
  killedAt: fc.integer({ min: 1, max: 19 }),
  isAfter: fc.boolean(),
});

it('is what all that tells of the host says, however an attempt ends, and wherever the agent is killed', async () => {
  await fc.assert(
    fc.asyncProperty(WALK, async ({ before, rollback, fault, wanted, killedAt, isAfter }) => {
      const host = new Host(rollback);
      await host.start();
      await BEFORE[before]?.(host);
      host.expectTruth(before.startsWith('v2') ? 'v2' : 'v1');
      if (fault !== undefined) host.set(fault, 'v3');
      await host.start(killedAt, isAfter);
      if (!(await host.look('v3'))) {
        await host.start();
        await host.look('v3');
      }
      host.expectTruth('v3');
      const leadsBack = rollback && (fault === 'script' || fault === 'validate');
      if (leadsBack && before in LAST_GOOD) expect(host.is).toBe(LAST_GOOD[before]);
      host.heal('v3');
      await host.start();
      for (let look = 0; look < 2; look += 1) {
        await host.look(wanted);
        host.expectTruth(wanted);
        if (fault !== undefined) expect(host.wayBack()).not.toBe('v3');
      }
      expect(host.is).toBe(wanted);
    }),
    {
      numRuns: 8,
      examples: [
        [
          {
            ...{ before: 'v2 failed over v1', rollback: false, fault: 'veto', wanted: 'v1' },
            ...{ killedAt: 1, isAfter: false },
          },
        ],
        [
          {
            ...{ before: 'v2 proven over v1', rollback: true, fault: 'validate', wanted: 'v4' },
            ...{ killedAt: 16, isAfter: false },
          },
        ],
      ],
    },
  );
});
