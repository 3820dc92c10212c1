import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentContext, AgentSettings, ContextParts } from '@deploy-tools/agent/deploy/agent-context.js';
import { isFailure } from '@deploy-tools/agent/deploy/attempt-result.js';
import { deployWanted } from '@deploy-tools/agent/deploy/deploy-wanted.js';
import { resumeAttempt } from '@deploy-tools/agent/deploy/resume-attempt.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { testScope } from '../../../test/support/scope.js';
import { tempDir } from '../../../test/support/temp-dir.js';
import { packTree } from '../../../test/support/tree.js';
import { agentContext, configOf, playedUpstream } from './agent-context.js';

/** A host without a registry, whose releases each have a file `version`: revisions 1, 2, …. */
export class DeployingHost {
  readonly dir = tempDir(testScope());
  /** What was fetched, in order. */
  readonly fetched: string[] = [];
  context!: AgentContext;
  readonly #configs = new Map<string, AgentConfig>();

  static async make(
    versions: readonly string[],
    settings: Partial<AgentSettings> = {},
  ): Promise<DeployingHost> {
    const host = new DeployingHost();
    for (const [index, version] of versions.entries()) {
      const archive = await packTree(testScope(), host.dir, version, { version });
      host.#configs.set(version, { ...configOf(archive), revision: index + 1 });
    }
    await host.set(settings);
    return host;
  }

  /** As an agent that is started with these settings. */
  async set(settings: Partial<AgentSettings>, more: Partial<ContextParts> = {}): Promise<void> {
    this.context = await agentContext(this.dir, settings, more);
  }

  at(name: string): string {
    return join(this.dir, name);
  }

  config(version: string): AgentConfig {
    const config = this.#configs.get(version);
    if (config === undefined) throw new Error(version);
    return config;
  }

  /** A program for a hook: appends what `note` prints to the file `seen`, then does what `body` says. */
  hook(name: string, note: string, body = ''): string {
    const path = this.at(`hook-${name}`);
    writeFileSync(path, `#!/bin/sh\n(${note}) >> '${this.at('seen')}'\n${body}\n`, { mode: 0o755 });
    return path;
  }

  /** The lines of `seen` since the last call. */
  seen(): string[] {
    const text = existsSync(this.at('seen')) ? readFileSync(this.at('seen'), 'utf8') : '';
    writeFileSync(this.at('seen'), '');
    return text.split('\n').filter(Boolean);
  }

  /** What is on the disk. */
  releases(): string[] {
    const names = readdirSync(this.context.paths.unpacked);
    return [...this.#configs].flatMap(([version, { hash }]) => (names.includes(hash) ? [version] : []));
  }

  get step(): string | undefined {
    return this.context.ledger.journal.attempt?.step;
  }

  /** Polls once, as somebody who wants it now. @returns how it ended, or why it failed. */
  async look(version: string): Promise<object> {
    const upstream = playedUpstream(
      () => this.config(version),
      ({ revision }) => this.#fetch(revision),
    );
    await resumeAttempt(this.context, upstream);
    const result = await deployWanted(this.context, upstream, true);
    return isFailure(result) ? result.error : result;
  }

  #fetch(revision: number | undefined): void {
    const [name = ''] = [...this.#configs].find(([, config]) => config.revision === revision) ?? [];
    this.fetched.push(name);
    mkdirSync(this.at('cache'), { recursive: true });
    const [layer] = this.config(name).layers;
    copyFileSync(this.at(`${name}.tar.gz`), join(this.at('cache'), layer?.hash ?? ''));
  }
}
