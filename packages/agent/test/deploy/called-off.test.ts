import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentContext, AgentSettings } from '@deploy-tools/agent/agent-context.js';
import { cycle, resume } from '@deploy-tools/agent/cycle.js';
import { cancelAttempt } from '@deploy-tools/agent/deploy/cancel-attempt.js';
import { Ledger } from '@deploy-tools/agent/deploy/ledger.js';
import { Pushes } from '@deploy-tools/agent/pushes.js';
import type { Releases } from '@deploy-tools/agent/releases.js';
import { readState } from '@deploy-tools/agent/state-file.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Archive } from '../../../../test/support/archive.js';
import { fileScope, testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { packTree } from '../../../../test/support/tree.js';
import { until } from '../../../../test/support/until.js';
import { agentContext, configOf } from '../agent-context.js';

type Version = 'v1' | 'v2' | 'v3';

const archives = new Map<Version, Archive>();

beforeAll(async () => {
  const scope = fileScope();
  const root = tempDir(scope);
  for (const version of ['v1', 'v2', 'v3'] as const)
    archives.set(version, await packTree(scope, root, version, { version }));
});

function config(version: Version): AgentConfig {
  const archive = archives.get(version);
  if (archive === undefined) throw new Error(version);
  return { ...configOf(archive), revision: Number(version.slice(1)) };
}

/** A host on which v1 is proven. Its script waits on v2 until it may go on, and a check of v2 never passes. */
class Host {
  readonly pushes = new Pushes();
  readonly #dir = tempDir(testScope());
  #context!: AgentContext;
  /** Called while a release is fetched. */
  onFetch = (): void => {};

  static async make(settings: Partial<AgentSettings> = {}): Promise<Host> {
    const host = new Host();
    mkdirSync(host.at('cache'));
    for (const { path, hash } of archives.values()) copyFileSync(path, join(host.at('cache'), hash));
    const isBad = '[ "$(cat "$NEWROOT/version")" = v2 ]';
    writeFileSync(
      host.at('script'),
      `#!/bin/sh
      echo "$REASON $(cat "$NEWROOT/version")" >> '${host.at('seen')}'
      while ${isBad} && [ ! -e '${host.at('go')}' ]; do sleep 0.02; done\n`,
      { mode: 0o755 },
    );
    await host.#start({ script: host.at('script'), rollback: true, ...settings }, `! ${isBad}`);
    expect(await host.look('v1')).toMatchObject({ kind: 'deployed' });
    return host;
  }

  async #start(settings: Partial<AgentSettings>, command: string): Promise<void> {
    const context = await agentContext(this.#dir);
    const checks = [{ kind: 'exec' as const, command }];
    const health = { ...context.settings.health, checks, deadlineMs: 3_600_000, intervalMs: 5 };
    this.#context = {
      ...{ ...context, settings: { ...context.settings, health, ...settings } },
      deploying: (hash) => this.pushes.deploying(hash),
      ledger: new Ledger({
        ...{ path: this.at('journal.json'), attemptsPath: this.at('attempts.json') },
        ...{ clock: () => new Date(), lastGood: () => readState(this.at('state.json')) },
      }),
    };
  }

  at(name: string): string {
    return join(this.#dir, name);
  }

  /** @returns how it ended, or why it failed. */
  async look(version: Version): Promise<object> {
    const upstream: Releases = {
      wanted: async () => config(version),
      fetch: async () => this.onFetch(),
      patience: () => undefined,
    };
    return await cycle(this.#context, upstream, false).catch((error: object) => error);
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
    const nothing = async () => {
      throw new Error('nothing is fetched');
    };
    return await resume(this.#context, nothing, { wanted: config(wanted).hash }).then(
      () => undefined,
      (error: object) => error,
    );
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

describe('another wish', () => {
  it('drops a release that is not live yet: nothing has failed, and it may be wanted again', async () => {
    const host = await Host.make();
    host.onFetch = () => host.pushes.told(config('v3').hash);
    expect(await host.look('v2')).toMatchObject({ kind: 'conflict', by: config('v3').hash });
    expect([host.attempt?.step, host.hold, host.seen]).toEqual(['pending', undefined, ['deploy v1']]);
    host.onFetch = () => {};
    expect(await host.look('v3')).toMatchObject({ kind: 'deployed' });
    expect(host.seen).toEqual(['deploy v1', 'deploy v3']);
  });

  it('for the last good release ends the checks, and the host rolls back to it', async () => {
    const host = await Host.make();
    const { looked } = await host.validating();
    host.pushes.told(config('v1').hash);
    expect(await looked).toMatchObject({ kind: 'conflict' });
    expect([host.attempt?.step, host.hold]).toEqual(['rolled-back', undefined]);
    expect(await host.look('v1')).toMatchObject({ kind: 'current' });
    expect(host.seen).toEqual(['deploy v1', 'deploy v2', 'rollback v1']);
  });

  it('for yet another ends them too, once the script has ended, and the host goes straight on', async () => {
    const host = await Host.make();
    const { looked } = await host.activating();
    host.pushes.told(config('v3').hash);
    host.goOn();
    expect(await looked).toMatchObject({ kind: 'conflict' });
    expect(host.hold).toBeUndefined();
    expect(await host.look('v3')).toMatchObject({ kind: 'deployed' });
    expect(host.seen).toEqual(['deploy v1', 'deploy v2', 'deploy v3']);
  });

  it('is no reason not to take a release for good that its script alone proves', async () => {
    const host = await Host.make({ health: (await agentContext(tempDir(testScope()))).settings.health });
    const { looked } = await host.activating();
    host.pushes.told(config('v3').hash);
    host.goOn();
    expect(await looked).toMatchObject({ kind: 'deployed' });
  });

  it('is asked for before what was cut off is gone on with', async () => {
    const host = await Host.make();
    await host.cutOff();
    expect(await host.resume('v1')).toMatchObject({ kind: 'conflict' });
    expect(host.attempt).toMatchObject({ step: 'rolled-back', config: { hash: config('v2').hash } });
    expect(host.seen.slice(-1)).toEqual(['rollback v1']);
    expect(host.seen.filter((line) => line === 'deploy v2')).toHaveLength(1);
  });
});

describe('who cancels', () => {
  it('before anything is switched leaves the host as it was; the revision is held until retry', async () => {
    const host = await Host.make();
    host.onFetch = () => expect(host.cancel()).toBe('cancelled before anything was switched');
    expect(await host.look('v2')).toMatchObject({ message: 'cancelled by ops' });
    expect(host.attempt).toMatchObject({ step: 'failed', error: { message: 'cancelled by ops' } });
    host.onFetch = () => {};
    expect(await host.look('v2')).toEqual({ kind: 'waiting', hash: config('v2').hash, ms: Infinity });
    expect(host.seen).toEqual(['deploy v1']);
    host.retry();
    await host.validating();
    expect(host.cancel()).toBe('cancelled, rolling back');
  });

  it('while the script runs has it end, then the host rolls back, also where failures do not lead back', async () => {
    const host = await Host.make({ rollback: false, retryLive: true });
    const { looked } = await host.activating();
    expect(host.cancel()).toBe('cancelled; this host rolls back when the script has ended');
    host.goOn();
    expect(await looked).toMatchObject({ message: 'cancelled by ops' });
    expect(host.attempt).toMatchObject({ step: 'rolled-back' });
    expect(host.hold).toEqual({ hash: config('v2').hash, revision: 2, why: 'rejected', failures: 1 });
    expect(host.seen).toEqual(['deploy v1', 'deploy v2', 'rollback v1']);
  });

  it('while nothing goes on is told so', async () => {
    const host = await Host.make();
    expect(() => host.cancel()).toThrow('nothing is being deployed');
  });

  it('what waits for its connection has it held at once', async () => {
    const host = await Host.make();
    host.onFetch = () => {
      throw new DeployError('connect', 'the connection was closed');
    };
    expect(await host.look('v2')).toMatchObject({ kind: 'connect' });
    expect(host.cancel()).toBe('cancelled before anything was switched');
    expect(host.attempt).toMatchObject({ step: 'failed', error: { message: 'cancelled by ops' } });
    expect(await host.look('v2')).toMatchObject({ kind: 'waiting', ms: Infinity });
  });
});
