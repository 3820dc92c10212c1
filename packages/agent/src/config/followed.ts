import { resolve } from 'node:path';
import { describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { takeDirectory } from '@deploy-tools/shared/host/dir-lock.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { runAgent } from '../agent.js';
import { agentSettings } from '../agent-settings.js';
import type { Controlled } from '../control/configuration-control.js';
import { startAnew } from '../hang-up.js';
import { LinkShare } from '../link-share.js';
import { type Application, openApplication, type SharedTurns } from '../open-application.js';
import { Pushes } from '../pushes.js';
import type { RegistryLink } from '../registry-link.js';
import { systemTimers } from '../timers.js';
import type { ConfiguredApplication } from './read-config-file.js';

/** A configuration that could not be begun with is begun with again after this. */
const AGAIN_MS = 30_000;

/** What all configurations of an agent share. */
export interface FollowTools {
  readonly link: RegistryLink;
  readonly turns: SharedTurns;
  /** Of the agent. */
  readonly log: Logger;
  /** Something is worth a report. Must not throw. */
  readonly onChange: (name: string) => void;
  readonly onProgress: (name: string) => void;
}

/**
 * One of several configurations, followed until {@link end}. Whatever goes wrong with it is logged and begun with again: the
 * others do not notice.
 */
export class Followed {
  readonly what: ConfiguredApplication;
  readonly name: string;
  readonly pushes = new Pushes();
  readonly #tools: FollowTools;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #application: Application | undefined;
  #trouble: StateReport['error'];

  constructor(what: ConfiguredApplication, tools: FollowTools) {
    this.what = what;
    this.name = what.flags.name ?? '';
    this.#tools = tools;
    this.#log = tools.log.child({ configuration: this.name });
    this.#done = this.#run();
  }

  /** How far it is now; failed while it cannot even be begun with. */
  present(): StateReport {
    const error = this.#trouble;
    if (this.#application !== undefined) return this.#application.present();
    return error === undefined
      ? { config: this.name, state: 'pending' }
      : { config: this.name, state: 'failed', error };
  }

  /** For who asks on the host; undefined while it is not open. */
  get controlled(): Controlled | undefined {
    if (this.#application === undefined) return undefined;
    const { context, present, wanted } = this.#application;
    return { context, present, wanted, nudge: () => this.pushes.nudge() };
  }

  /** An operator says: try again now. */
  retry(): void {
    if (this.#application?.context.ledger.retry() === true) this.pushes.nudge();
  }

  /** Its program, gracefully, where it has one. */
  startAnew(): void {
    if (this.#application !== undefined) startAnew(this.#application.context);
  }

  /** Stops as SIGTERM does: a script that runs is waited for, a program is ended gracefully. */
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
        await systemTimers.sleep(AGAIN_MS, signal).catch(() => undefined); // aborted: the loop ends
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { flags, command } = this.what;
    const dir = resolve(flags.dir);
    const lock = takeDirectory(dir, 'agent', 0o750);
    try {
      const ports = { ports: flags.port, stopTimeoutMs: flags['stop-timeout'] };
      const application = await openApplication({
        ...{
          settings: agentSettings(flags, command),
          dir,
          state: resolve(flags.state),
          turns: this.#tools.turns,
          log: this.#log,
          signal,
        },
        program: command === undefined ? undefined : { command, ...ports },
        onChange: () => this.#tools.onChange(this.name),
        onProgress: () => this.#tools.onProgress(this.name),
      });
      this.#application = application;
      this.#trouble = undefined;
      try {
        const link = new LinkShare(this.#tools.link);
        const loop = { pollMs: flags.poll, once: false, random: Math.random };
        await runAgent(application.context, link, this.pushes, loop);
      } finally {
        this.#application = undefined;
        await application.close();
      }
    } finally {
      lock.release();
    }
  }
}
