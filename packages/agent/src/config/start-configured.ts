import { chmodSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import { takeDirectory } from '@deploy-tools/shared/host/dir-lock.js';
import { serviceManager } from '@deploy-tools/shared/host/service-manager.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { AgentSignals } from '../agent-signals.js';
import { controlPath } from '../control/call-agent.js';
import { answerControl, type Controlled } from '../control/configuration-control.js';
import { serveControl } from '../control/control-server.js';
import { sharedTurns } from '../open-application.js';
import type { Pushes } from '../pushes.js';
import { registryAccess } from '../registry-access.js';
import { RegistryLink } from '../registry-link.js';
import { RegistryWatch } from '../registry-watch.js';
import { OutcomeStore } from '../report/outcome-store.js';
import { reportIdentity } from '../report/report-identity.js';
import { Reporter } from '../report/reporter.js';
import { Followed } from './followed.js';
import { type ConfigFile, readConfigFile } from './read-config-file.js';

/** The configurations' own directories are open to their users' groups alone; what is above them has to be passed by all. */
function letPass({ configurations }: ConfigFile, dir: string): void {
  const isShared = [...configurations.values()].some(({ flags }) => flags.user !== undefined);
  const mode = statSync(dir).mode & 0o7777;
  if (isShared && (mode & 0o001) === 0) chmodSync(dir, mode | 0o011);
}

/**
 * Follows the configurations of a file, over one connection, until the signal. SIGHUP reads it again: what has changed is
 * stopped and begun with anew; a file with a mistake changes nothing. SIGUSR1 starts the supervised programs anew.
 * @throws DeployError with one sentence for each reason not to start.
 */
export async function startConfigured(path: string, log: Logger, signals: AgentSignals): Promise<number> {
  const file = readConfigFile(path);
  const connection = await registryAccess(file.shared, signals.stop);
  const dir = resolve(file.shared.dir);
  const lock = takeDirectory(dir, 'agent', 0o750);
  try {
    letPass(file, dir);
    const bounded = { ...connection, maxBandwidth: file.shared['max-bandwidth'] };
    const link = new RegistryLink(bounded, log, (made) => fleet.follow(made));
    const fleet = new Fleet(file, dir, link, log);
    const answer = (request: Parameters<typeof answerControl>[1]) =>
      answerControl(fleet.controlled(), request);
    const control = await serveControl({ path: controlPath(dir), answer, log });
    const manager = serviceManager({
      environment: process.env,
      pid: process.pid,
      onTrouble: (message) => log.warn(message),
    });
    signals.onHangup(() => void fleet.reload(path));
    signals.onRestart(() => fleet.startAnew());
    fleet.begin(file);
    log.info(
      { configurations: [...file.configurations.keys()], dir, registry: file.shared.addr },
      'agent ready',
    );
    manager.ready(`following ${[...file.configurations.keys()].join(', ')}`);
    await aborted(signals.stop);
    manager.stopping();
    await fleet.end();
    control?.close();
    link.close();
    await manager.close();
    return 0;
  } finally {
    lock.release();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}

/** The configurations that are followed now. */
class Fleet {
  readonly #followed = new Map<string, Followed>();
  readonly #reporter: Reporter;
  readonly #watch: RegistryWatch;
  readonly #pushes = new Map<string, Pushes>();
  readonly #link: RegistryLink;
  readonly #turns = sharedTurns();
  readonly #log: Logger;
  #file: ConfigFile;
  /** One reload after the other. */
  #reloads = Promise.resolve();
  readonly #reported = new Map<string, { present: Followed['present']; onRetry: () => void }>();

  constructor(file: ConfigFile, dir: string, link: RegistryLink, log: Logger) {
    this.#file = file;
    this.#link = link;
    this.#log = log;
    const { host, label, silence } = file.shared;
    this.#watch = new RegistryWatch({ pushes: this.#pushes, silenceMs: silence, log });
    const hello = reportIdentity(host, label);
    const outcomes = new OutcomeStore(join(dir, 'outcomes.jsonl'));
    this.#reporter = new Reporter({ hello, configs: this.#reported, outcomes, log });
  }

  /** A connection was made, or closed here. */
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

  /** Begins with what is in the file and not followed yet. */
  begin(file: ConfigFile): void {
    this.#file = file;
    for (const [name, what] of file.configurations) {
      if (this.#followed.has(name)) continue;
      const followed = new Followed(what, {
        link: this.#link,
        turns: this.#turns,
        log: this.#log,
        onChange: (changed) => this.#reporter.changed(changed),
        onProgress: (changed) => this.#reporter.progressed(changed),
      });
      this.#followed.set(name, followed);
      this.#reported.set(name, { present: () => followed.present(), onRetry: () => followed.retry() });
      this.#pushes.set(name, followed.pushes);
    }
  }

  /** All supervised programs, each gracefully. */
  startAnew(): void {
    for (const followed of this.#followed.values()) followed.startAnew();
  }

  reload(path: string): Promise<void> {
    this.#reloads = this.#reloads
      .then(() => this.#reload(path))
      .catch((error: unknown) => {
        this.#log.error({ err: describeError(error) }, 'the configurations stay as they are');
      });
    return this.#reloads;
  }

  async #reload(path: string): Promise<void> {
    const file = readConfigFile(path);
    if (!isDeepStrictEqual(file.shared, this.#file.shared))
      this.#log.warn('what all configurations share has changed in the file: restart the agent for it');
    const isStale = ({ name, what }: Followed) => !isDeepStrictEqual(file.configurations.get(name), what);
    const stale = [...this.#followed.values()].filter(isStale);
    await Promise.all(stale.map((followed) => this.#leave(followed)));
    this.begin({ ...file, shared: this.#file.shared });
    this.#watch.renew();
    for (const { pushes } of this.#followed.values()) pushes.nudge();
    this.#reporter.renew();
    this.#log.info({ configurations: [...this.#followed.keys()] }, 'read the configurations again');
  }

  async #leave(followed: Followed): Promise<void> {
    await followed.end();
    this.#followed.delete(followed.name);
    this.#reported.delete(followed.name);
    this.#pushes.delete(followed.name);
  }

  async end(): Promise<void> {
    await this.#reloads;
    const ends = [...this.#followed.values()].map((followed) => followed.end());
    this.#link.close(); // what is being fetched is cut off
    await Promise.all(ends);
    this.#reporter.close();
  }
}
