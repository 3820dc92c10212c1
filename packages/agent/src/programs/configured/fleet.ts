import { join, resolve } from 'node:path';
import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { Turns } from '@deploy-tools/shared/host/turns.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Pushes } from '../../follow/pushes.js';
import type { RegistryLink } from '../../follow/registry-link.js';
import { RegistryWatch } from '../../follow/registry-watch.js';
import type { Controlled } from '../../tell/control/configuration-control.js';
import { OutcomeStore } from '../../tell/report/outcome-store.js';
import { reportIdentity } from '../../tell/report/report-identity.js';
import { type ReportedConfig, Reporter } from '../../tell/report/reporter.js';
import { buildTurns } from '../daemon/open-application.js';
import type { AgentFlags } from '../flags/agent-settings.js';
import { Followed } from './followed.js';
import { type ConfigFile, type ConfiguredApplication, readConfigFile } from './read-config-file.js';
import { clash, keysForRestart } from './what-changed.js';

/** Polls at once: each opens a file, and a registry allows 64 open files in a session. */
const MAX_POLLS = 16;

interface FleetOptions {
  readonly file: ConfigFile;
  /** The agent's, absolute. */
  readonly dir: string;
  readonly link: RegistryLink;
  readonly log: Logger;
}

/** The followed configurations of an agent. */
export class Fleet {
  /** By name; a configuration that is ending is still here. */
  readonly #followed = new Map<string, Followed>();
  readonly #reporter: Reporter;
  readonly #watch: RegistryWatch;
  readonly #pushes = new Map<string, Pushes>();
  readonly #link: RegistryLink;
  readonly #turns = { builds: buildTurns(), polls: new Turns(MAX_POLLS) };
  readonly #log: Logger;
  /** The configurations that were read last, with the active shared flags. */
  #file: ConfigFile;
  #isEnding = false;
  readonly #reported = new Map<string, ReportedConfig>();

  constructor({ file, dir, link, log }: FleetOptions) {
    this.#file = file;
    this.#link = link;
    this.#log = log;
    const { host, label, silence } = file.shared;
    this.#watch = new RegistryWatch({ pushes: this.#pushes, silenceMs: silence, log });
    const hello = reportIdentity(host, label);
    const outcomes = new OutcomeStore(join(dir, 'outcomes.jsonl'));
    this.#reporter = new Reporter({ hello, configs: this.#reported, outcomes, log });
  }

  /** To be called when a connection was made, or closed here. */
  follow(connection: Connection | undefined): void {
    if (this.#file.shared.watch) this.#watch.follow(connection);
    if (this.#file.shared.report) this.#reporter.follow(connection);
  }

  controlled(): Map<string, Controlled> {
    const open = [...this.#followed].flatMap(([name, { controlled }]) =>
      controlled === undefined ? [] : [[name, controlled] as const],
    );
    return new Map(open);
  }

  /** Begins with configurations that are not followed yet, unless one that is still ending has their directory or port. */
  begin(): void {
    if (this.#isEnding) return;
    const ending = [...this.#followed.values()].filter(({ isEnding }) => isEnding);
    for (const [name, what] of this.#file.configurations) {
      const isFree = !ending.some((other) => clash(what, other.what));
      if (isFree && !this.#followed.has(name)) this.#beginWith(name, what);
    }
  }

  #beginWith(name: string, what: ConfiguredApplication): void {
    const followed = new Followed(what, {
      link: this.#link,
      turns: this.#turns,
      log: this.#log,
      onChange: (changed) => this.#reporter.changed(changed),
      onProgress: (changed) => this.#reporter.progressed(changed),
    });
    this.#followed.set(name, followed);
    this.#reported.set(name, {
      present: () => followed.present(),
      onRetry: () => followed.retry(),
      onCancel: (by) => followed.cancel(by),
    });
    this.#pushes.set(name, followed.pushes);
  }

  restartPrograms(): void {
    for (const followed of this.#followed.values()) followed.restartProgram();
  }

  /**
   * Reads the file again: unchanged configurations run on, others take over their settings or begin anew, and removed ones end.
   * A file with a mistake changes nothing.
   */
  reload(path: string): void {
    if (this.#isEnding) return;
    try {
      this.#take(readConfigFile(path));
    } catch (error) {
      this.#log.error({ err: describeError(error) }, 'the configurations stay as they are');
    }
  }

  #take(file: ConfigFile): void {
    const { shared } = this.#file;
    if (resolve(file.shared.dir) !== resolve(shared.dir))
      throw new DeployError('conflict', 'the shared key dir has changed in the file', {
        hint: 'restart the agent for it',
      });
    this.#warnOfRestart(file.shared);
    const { label, poll } = file.shared;
    this.#file = { shared: { ...shared, label, poll }, configurations: file.configurations };
    for (const followed of this.#followed.values()) {
      if (followed.isEnding || followed.take(file.configurations.get(followed.name))) continue;
      void this.#leave(followed);
    }
    this.begin();
    for (const { pushes } of this.#followed.values()) pushes.nudge();
    this.#renew();
    this.#log.info({ configurations: [...file.configurations.keys()] }, 'the configurations were read again');
  }

  #warnOfRestart(shared: AgentFlags): void {
    const keys = keysForRestart(this.#file.shared, shared);
    if (keys.length > 0)
      this.#log.warn({ keys }, 'shared keys have changed in the file: restart the agent for them');
  }

  #renew(): void {
    const { host, label } = this.#file.shared;
    this.#watch.renew();
    this.#reporter.renew(reportIdentity(host, label));
  }

  async #leave(followed: Followed): Promise<void> {
    await followed.end();
    this.#followed.delete(followed.name);
    this.#reported.delete(followed.name);
    this.#pushes.delete(followed.name);
    if (this.#isEnding) return;
    this.begin();
    this.#renew();
  }

  /** Ends all configurations at once; waits for running scripts. */
  async end(): Promise<void> {
    this.#isEnding = true;
    const ends = [...this.#followed.values()].map((followed) => followed.end());
    this.#link.close(); // interrupts downloads
    await Promise.all(ends);
    this.#reporter.close();
  }
}
