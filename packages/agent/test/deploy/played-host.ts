import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentContext, AgentSettings } from '@deploy-tools/agent/deploy/agent-context.js';
import type { AttemptResult } from '@deploy-tools/agent/deploy/attempt-result.js';
import type { DeployRoots } from '@deploy-tools/agent/deploy/deploy-roots.js';
import { deployWanted } from '@deploy-tools/agent/deploy/deploy-wanted.js';
import type { Host, Proof } from '@deploy-tools/agent/deploy/host.js';
import type { Ledger } from '@deploy-tools/agent/deploy/ledger.js';
import { readState } from '@deploy-tools/agent/deploy/state-file.js';
import type { Upstream } from '@deploy-tools/agent/deploy/upstream.js';
import { Pushes } from '@deploy-tools/agent/follow/pushes.js';
import type { Hook, HookOutcome } from '@deploy-tools/agent/process/script/run-hook.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { expect } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { agentContext, closedUpstream, configOf } from '../agent-context.js';

/** What happens on a played host, as `HOOK REVISION` or `HOOK REVISION rollback`; `switch` and `prove` are steps too. */
export type Happens = Readonly<Record<string, HookOutcome | DeployError | (() => void | Promise<void>)>>;

/** A host on which no process runs: it records each step, and the test decides how the step ends. */
export class PlayedHost implements Host {
  /** What was run, in order. */
  readonly ran: string[] = [];
  happens: Happens = {};
  /** Of the program that took over last. */
  died = new AbortController();
  readonly isRunning = true;
  readonly directories: readonly string[] = [];

  async run(hook: Hook, roots: DeployRoots): Promise<HookOutcome> {
    return await this.#answer(hook, roots);
  }

  async switchProgram(roots: DeployRoots): Promise<AbortSignal> {
    await this.#answer('switch', roots);
    return this.died.signal;
  }

  async prove(roots: DeployRoots, { died, calledOff }: Proof): Promise<void> {
    await this.#answer('prove', roots);
    died?.throwIfAborted();
    calledOff?.throwIfAborted();
  }

  requireInCharge(): void {}

  start(): void {}

  async restart(): Promise<void> {}

  async #answer(step: string, { config, reason }: DeployRoots): Promise<HookOutcome> {
    const name = `${step} ${config.revision}${reason === 'rollback' ? ' rollback' : ''}`;
    this.ran.push(name);
    const what = this.happens[name] ?? 'done';
    if (what instanceof DeployError) throw what;
    if (typeof what !== 'function') return what;
    await what();
    return 'done';
  }
}

/** Revisions of a configuration, whose releases are made out of nothing. */
export function revision(number: number): AgentConfig {
  const layers = configOf({ hash: String(number).repeat(64), size: 1 });
  return { ...layers, revision: number };
}

/** A host that attempts are made on. */
export class PlayedSite {
  readonly host = new PlayedHost();
  readonly pushes = new Pushes();
  readonly dir = tempDir(testScope());
  /** What making a release does before its directory is there. */
  onMake: () => void = () => {};
  wanted: AgentConfig = revision(1);
  context!: AgentContext;

  static async make(settings: Partial<AgentSettings> = {}): Promise<PlayedSite> {
    const site = new PlayedSite();
    await site.start(settings);
    return site;
  }

  /** An agent is started that finds what the one before it left. */
  async start(settings: Partial<AgentSettings> = {}, ledger?: Ledger): Promise<void> {
    const more = { wishes: this.pushes, ...(ledger === undefined ? {} : { ledger }) };
    const context = await agentContext(this.dir, { rollback: true, ...settings }, more);
    this.context = { ...context, host: this.host };
  }

  /** Makes releases as fast as their names are known. */
  get upstream(): Upstream {
    return {
      ...closedUpstream(),
      wanted: async () => this.wanted,
      make: async (store, { config }) => {
        this.onMake();
        const root = join(store.paths.unpacked, config.hash);
        mkdirSync(root, { recursive: true });
        writeFileSync(`${root}.ok`, '');
        return { root, durable: Promise.resolve() };
      },
    };
  }

  /** Polls once, impatiently. @returns how that ended, and what ran for it. */
  async deploy(number: number, happens: Happens = {}) {
    this.wanted = revision(number);
    this.host.happens = happens;
    this.host.ran.length = 0;
    const result = await deployWanted(this.context, this.upstream, true);
    return { kind: result.kind, error: errorOf(result), ran: [...this.host.ran], ...this.state };
  }

  /** Where the host is, by the journal and by state.json. */
  get state() {
    const { ledger, paths } = this.context;
    const { attempt, live, hold } = ledger.journal;
    return {
      step: attempt?.step,
      live: live && `${live.config.revision} ${live.how}`,
      lastGood: readState(paths.state)?.revision,
      hold: hold && `${hold.revision} ${hold.why}${hold.notBefore === undefined ? ' for good' : ''}`,
    };
  }
}

export function errorOf(result: AttemptResult | undefined): string | undefined {
  return result !== undefined && 'error' in result ? result.error.message : undefined;
}

/** A host on which revision 1 is proven. */
export async function provenSite(settings = {}): Promise<PlayedSite> {
  const site = await PlayedSite.make(settings);
  expect(await site.deploy(1)).toMatchObject({ kind: 'deployed', ran: stepsForward(1) });
  return site;
}

/** Everything that runs for a release that gets healthy. */
export const stepsForward = (number: number) =>
  ['pre', 'prepare', 'script', 'switch', 'switch', 'prove', 'validate', 'post', 'success'].map(
    (step) => `${step} ${number}`,
  );

/** Everything that runs for the rollback to revision 1. */
export const BACK_TO_1 = ['rollback', 'script', 'switch', 'prove'].map((step) => `${step} 1 rollback`);
