import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentContext, AgentSettings } from '@deploy-tools/agent/deploy/agent-context.js';
import { isFailure } from '@deploy-tools/agent/deploy/attempt-result.js';
import { deployWanted } from '@deploy-tools/agent/deploy/deploy-wanted.js';
import { leaveUnproven } from '@deploy-tools/agent/deploy/leave-unproven.js';
import { Ledger } from '@deploy-tools/agent/deploy/ledger.js';
import { cancelAttempt, rollbackByHand } from '@deploy-tools/agent/deploy/operator-requests.js';
import { resumeAttempt } from '@deploy-tools/agent/deploy/resume-attempt.js';
import { readState, readWholeState } from '@deploy-tools/agent/deploy/state-file.js';
import { Pushes } from '@deploy-tools/agent/follow/pushes.js';
import { pathsIn } from '@deploy-tools/agent/programs/daemon/open-application.js';
import { presentReport } from '@deploy-tools/agent/tell/report/present-report.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { toDeployError } from '@deploy-tools/shared/errors.js';
import { expect } from 'vitest';
import type { Archive } from '../../../../test/support/archive.js';
import { fileScope, testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { packTree } from '../../../../test/support/tree.js';
import { until } from '../../../../test/support/until.js';
import {
  agentContext,
  agentSettings,
  closedUpstream,
  configOf,
  fillCache,
  playedUpstream,
} from '../agent-context.js';

export type Version = 'v1' | 'v2' | 'v3';

const archives = new Map<Version, Archive>();

/** To be called before all tests. */
export async function packVersions(): Promise<void> {
  const scope = fileScope();
  const root = tempDir(scope);
  for (const version of ['v1', 'v2', 'v3'] as const)
    archives.set(version, await packTree(scope, root, version, { version }));
}

export function config(version: Version): AgentConfig {
  const archive = archives.get(version);
  if (archive === undefined) throw new Error(version);
  return { ...configOf(archive), revision: Number(version.slice(1)) };
}

/** A host on which v1 is proven. Its script waits on v2 until it may go on, and a check of v2 never passes. */
export class Host {
  readonly pushes = new Pushes();
  readonly #dir = tempDir(testScope());
  #context!: AgentContext;
  /** Called while a release is fetched. */
  onFetch = (): void => {};

  static async make(settings: Partial<AgentSettings> = {}): Promise<Host> {
    const host = new Host();
    fillCache(host.#dir, archives.values());
    const isBad = '[ "$(cat "$NEWROOT/version")" = v2 ]';
    writeFileSync(
      host.at('script'),
      `#!/bin/sh
      echo "$REASON $(cat "$NEWROOT/version")" >> '${host.at('seen')}'
      while ${isBad} && [ ! -e '${host.at('go')}' ]; do sleep 0.02; done
      while [ "$REASON" = rollback ] && [ -e '${host.at('slow')}' ]; do sleep 0.02; done\n`,
      { mode: 0o755 },
    );
    await host.#start({ script: host.at('script'), rollback: true, ...settings }, `! ${isBad}`);
    expect(await host.look('v1')).toMatchObject({ kind: 'deployed' });
    return host;
  }

  async #start(settings: Partial<AgentSettings>, command: string): Promise<void> {
    const plain = agentSettings();
    const checks = [{ kind: 'exec' as const, command }];
    const health = { ...plain.health, checks, deadlineMs: 3_600_000, intervalMs: 5 };
    const paths = pathsIn(this.#dir, this.at('state.json'));
    const ledger = new Ledger({
      path: this.at('journal.json'),
      attemptsPath: this.at('attempts.json'),
      clock: () => new Date(),
      lastGood: () => readWholeState((this.#context ?? { paths }).paths.state),
    });
    const more = { wishes: this.pushes, ledger, paths };
    this.#context = await agentContext(this.#dir, { ...plain, health, ...settings }, more);
  }

  at(name: string): string {
    return join(this.#dir, name);
  }

  /** @returns how it ended, or why it failed. */
  async look(version: Version): Promise<object> {
    const upstream = playedUpstream(
      () => config(version),
      () => this.onFetch(),
    );
    const result = await deployWanted(this.#context, upstream, false).catch((error: object) => ({ error }));
    return 'error' in result ? result.error : result;
  }

  /** v2 is wanted; its script runs when this returns, and its checks when that may go on. */
  async activating(): Promise<{ readonly looked: Promise<object> }> {
    const looked = this.look('v2');
    await until('the script of v2', () => this.seen.some((line) => line.endsWith(' v2')));
    return { looked };
  }

  async validating(): Promise<{ readonly looked: Promise<object> }> {
    const { looked } = await this.activating();
    this.goOn();
    await until('the checks', () => this.attempt?.step === 'validating');
    return { looked };
  }

  /** The agent was killed; the next one goes on, and knows what is wanted. */
  async resume(wanted: Version): Promise<object | undefined> {
    const result = await resumeAttempt(this.#context, closedUpstream(), { wanted: config(wanted).hash });
    return result !== undefined && isFailure(result) ? result.error : undefined;
  }

  /** As an agent left it that was killed while the script of v2 ran. */
  async cutOff(): Promise<void> {
    const { looked } = await this.activating();
    const journal = readFileSync(this.at('journal.json'));
    this.goOn();
    this.cancel();
    await looked;
    writeFileSync(this.at('journal.json'), journal);
    const { settings } = this.#context;
    await this.#start(settings, 'false');
  }

  cancel(): string {
    return cancelAttempt(this.#context, this.pushes, 'ops');
  }

  /** What the agent's loop does after a look that led to nothing. */
  async leave(): Promise<void> {
    await leaveUnproven(this.#context, closedUpstream(), toDeployError(new Error('no connection')));
  }

  /** Somebody on the host says so. */
  rollBack(wanted?: Version): void {
    const { ledger } = this.#context;
    ledger.rollBack({
      ...rollbackByHand(ledger.journal, this.lastGood),
      by: 'ops',
      wanted: wanted && config(wanted),
    });
  }

  report(wanted: Version) {
    const { facts, ledger } = this.#context;
    const { journal } = ledger;
    const known = { journal, facts, lastGood: this.lastGood, wanted: config(wanted) };
    return presentReport({ config: 'project', paused: false, ...known });
  }

  pause(): void {
    this.#context.pause.begin({});
  }

  /** A state file of so long a name can be read, and there is no name for what is to take its place. */
  makeStateUnwritable(): () => void {
    const path = this.at('s'.repeat(250));
    const { paths } = this.#context;
    renameSync(paths.state, path);
    this.#context = { ...this.#context, paths: { ...paths, state: path } };
    return () => {
      renameSync(path, paths.state);
      this.#context = { ...this.#context, paths };
    };
  }

  /** The script waits on the way back until it may go on. */
  slowBack(): void {
    writeFileSync(this.at('slow'), '');
  }

  goBackOn(): void {
    rmSync(this.at('slow'));
  }

  /** @param content undefined removes it. */
  spoilState(content: string | undefined): void {
    if (content === undefined) rmSync(this.at('state.json'));
    else writeFileSync(this.at('state.json'), content);
  }

  async set(settings: Partial<AgentSettings>): Promise<void> {
    const { ledger, facts, pause, paths } = this.#context;
    const more = { wishes: this.pushes, ledger, facts, pause, paths };
    this.#context = await agentContext(this.#dir, { ...this.#context.settings, ...settings }, more);
  }

  get live() {
    return this.#context.ledger.journal.live;
  }

  get lastGood(): AgentConfig | undefined {
    return readState(this.#context.paths.state);
  }

  journalFile(): string {
    return readFileSync(this.at('journal.json'), 'utf8');
  }

  /** What it was when it was killed. */
  becomes(journal: string): void {
    writeFileSync(this.at('journal.json'), journal);
  }

  /** Of the journal, as an agent after this one reads it. */
  async restart(): Promise<void> {
    const { settings } = this.#context;
    await this.#start(settings, 'false');
  }

  retry(): void {
    this.#context.ledger.retry();
  }

  goOn(): void {
    writeFileSync(this.at('go'), '');
  }

  /** Why, and what, the script was run for. */
  get seen(): readonly string[] {
    return existsSync(this.at('seen')) ? readFileSync(this.at('seen'), 'utf8').trim().split('\n') : [];
  }

  get attempt() {
    return this.#context.ledger.journal.attempt;
  }

  get hold() {
    return this.#context.ledger.journal.hold;
  }
}
