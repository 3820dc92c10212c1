import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { Turns } from '@deploy-tools/shared/host/turns.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { followConfiguration } from '../../follow/follow-configuration.js';
import { Pushes } from '../../follow/pushes.js';
import { Redials } from '../../follow/redials.js';
import type { RegistryLink } from '../../follow/registry-link.js';
import { RegistryUpstream } from '../../follow/registry-upstream.js';
import { eitherSignal } from '../../host/either-signal.js';
import { systemTimers } from '../../host/timers.js';
import type { Controlled } from '../../tell/control/configuration-control.js';
import type { Application } from '../daemon/application.js';
import { openApplication } from '../daemon/open-application.js';
import { agentSettings } from '../flags/agent-settings.js';
import type { ConfiguredApplication } from './read-config-file.js';
import { changeOf } from './what-changed.js';

/** The delay after which a configuration that failed is opened again. */
const RETRY_MS = 30_000;

/** Tools that all configurations of an agent share. */
interface FollowTools {
  readonly link: RegistryLink;
  /** Limits what all configurations do at once. */
  readonly turns: { readonly builds: Turns; readonly polls: Turns };
  readonly log: Logger;
  /** A configuration has a change to report. Must not throw. */
  readonly onChange: (name: string) => void;
  readonly onProgress: (name: string) => void;
}

/**
 * One of several configurations, followed until {@link end}. After an error it is opened again; the other configurations are
 * not affected.
 */
export class Followed {
  readonly name: string;
  readonly pushes = new Pushes();
  readonly #tools: FollowTools;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #what: ConfiguredApplication;
  /** Aborted when other settings apply. */
  #loop = new AbortController();
  readonly #done: Promise<void>;
  #application: Application | undefined;
  #trouble: StateReport['error'];

  constructor(what: ConfiguredApplication, tools: FollowTools) {
    this.#what = what;
    this.name = what.flags.name ?? '';
    this.#tools = tools;
    this.#log = tools.log.child({ configuration: this.name });
    this.#done = this.#run();
  }

  get what(): ConfiguredApplication {
    return this.#what;
  }

  get isEnding(): boolean {
    return this.#stop.signal.aborted;
  }

  /**
   * Takes over new settings. A deployment in progress is interrupted as by SIGTERM and resumed; a supervised program runs on.
   * @param what undefined when the configuration is not wanted any more.
   * @returns false where it has to {@link end} instead.
   */
  take(what: ConfiguredApplication | undefined): boolean {
    const change = what === undefined ? 'everything' : changeOf(this.#what, what);
    if (change === 'nothing') return true;
    // A configuration that could not be opened is opened anew at once.
    if (what === undefined || change === 'everything' || this.#application === undefined) return false;
    this.#what = what;
    this.#loop.abort();
    return true;
  }

  /** The present state; failed while the configuration cannot be opened. */
  present(): StateReport {
    const error = this.#trouble;
    if (this.#application !== undefined) return this.#application.present();
    return error === undefined
      ? { config: this.name, state: 'pending' }
      : { config: this.name, state: 'failed', error };
  }

  /** For the control socket; undefined while the application is not open. */
  get controlled(): Controlled | undefined {
    if (this.#application === undefined) return undefined;
    const { link } = this.#tools;
    return this.#application.controlled(() => link.state);
  }

  retry(): void {
    this.#application?.retry();
  }

  /** Cancels the deployment in progress for an operator. @throws DeployError conflict. */
  cancel(by: string): string {
    if (this.#application === undefined) throw new DeployError('conflict', 'nothing is being deployed');
    return this.#application.cancel(by);
  }

  restartProgram(): void {
    this.#application?.restartProgram();
  }

  /** Stops as SIGTERM does: waits for a running script, and ends a program gracefully. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (thrown) {
        const { kind, message } = toDeployError(thrown);
        this.#trouble = { kind, message };
        this.#log.error({ kind, err: describeError(thrown) }, 'this configuration cannot be followed');
        this.#tools.onChange(this.name);
        await systemTimers.sleep(RETRY_MS, signal).catch(() => undefined); // aborted: the loop ends
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { flags, command } = this.#what;
    const application = await openApplication({
      flags,
      command,
      settings: agentSettings(flags, command),
      log: this.#log,
      signal,
      builds: this.#tools.turns.builds,
      pushes: this.pushes,
      onChange: () => this.#tools.onChange(this.name),
      onProgress: () => this.#tools.onProgress(this.name),
    });
    this.#application = application;
    this.#trouble = undefined;
    try {
      while (!signal.aborted) await this.#runLoop(application, signal);
    } finally {
      this.#application = undefined;
      await application.close().finally(() => application.release());
    }
  }

  /** Follows the configuration until the signal, or until other settings apply. */
  async #runLoop(application: Application, signal: AbortSignal): Promise<void> {
    this.#loop = new AbortController();
    const { flags, command } = this.#what;
    const { link, turns } = this.#tools;
    const stop = eitherSignal(signal, this.#loop.signal);
    const { poll: pollMs } = flags;
    const { random } = Math;
    const context = application.take(agentSettings(flags, command), stop.signal);
    const redials = new Redials({ pollMs, random }, systemTimers);
    const upstream = new RegistryUpstream({
      link,
      isShared: true,
      name: this.name,
      polls: turns.polls,
      redials,
    });
    const loop = { upstream, pushes: application.pushes, pollMs, once: false, random };
    try {
      await followConfiguration(context, loop);
    } finally {
      stop.clear();
    }
  }
}
