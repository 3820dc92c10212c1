import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { WatchEvent } from '@deploy-tools/shared/watch-line.js';
import type { Pushes } from './pushes.js';
import { watchConfigurations } from './watch-channel.js';

/** As many bytes during the silence show a download, behind which heartbeats wait. */
const BUSY_BYTES = 256 * 1024;

export interface RegistryWatchOptions {
  /** By the name of the configuration; read when a watch begins. At most 100, the registry's bound. */
  readonly pushes: ReadonlyMap<string, Pushes>;
  /** A connection without a line for this time is given up. */
  readonly silenceMs: number;
  readonly log: Logger;
}

/** One channel with exec `watch`. */
interface Watch {
  readonly connection: Connection;
  readonly pushes: readonly (readonly [name: string, pushes: Pushes])[];
  /** Aborted when another watch replaces it. */
  readonly over: AbortController;
  working: boolean;
}

/** Watches all configurations over one channel of a connection, because a registry bounds the channels of each. */
export class RegistryWatch {
  readonly #options: RegistryWatchOptions;
  #watch: Watch | undefined;
  #refusalLogged = false;

  constructor(options: RegistryWatchOptions) {
    this.#options = options;
  }

  /** Begins a watch over this connection in place of the previous one; undefined begins none. */
  follow(connection: Connection | undefined): void {
    this.#leave();
    if (connection !== undefined) this.#begin(connection);
  }

  /** Begins the watch anew, for other configurations. */
  renew(): void {
    const connection = this.#watch?.connection;
    if (connection !== undefined) this.follow(connection);
  }

  #leave(): void {
    const left = this.#watch;
    this.#watch = undefined;
    for (const [, pushes] of left?.pushes ?? []) pushes.restart();
    left?.over.abort();
  }

  #begin(connection: Connection): void {
    const pushes = [...this.#options.pushes];
    for (const [, each] of pushes) each.restart();
    const watch: Watch = { connection, pushes, over: new AbortController(), working: false };
    this.#watch = watch;
    if (pushes.length > 0) void this.#run(watch);
  }

  async #run(watch: Watch): Promise<void> {
    const { log } = this.#options;
    const silence = this.#expectLines(watch);
    watch.over.signal.addEventListener('abort', silence.stop, { once: true });
    try {
      const names = watch.pushes.map(([name]) => name);
      const onEvent = (event: WatchEvent) => {
        silence.heard();
        this.#take(watch, event);
      };
      const { signal } = watch.over;
      const end = await watchConfigurations(watch.connection, { names, onEvent, signal });
      log[watch.working ? 'debug' : 'warn'](end, 'the registry ended the watch');
    } catch (error) {
      if (this.#watch === watch) this.#explain(error);
    } finally {
      silence.stop();
      this.#ended(watch, watch.working);
    }
  }

  #take(watch: Watch, event: WatchEvent): void {
    if (this.#watch !== watch) return;
    if (!watch.working) this.#options.log.debug('the registry announces changes');
    watch.working = true;
    for (const [name, pushes] of watch.pushes) {
      pushes.heard();
      if (event.kind !== 'config' || event.name !== name) continue;
      this.#options.log.debug(
        { configuration: name, revision: event.revision, hash: event.hash },
        'change announced',
      );
      pushes.announce(event.hash);
    }
  }

  #ended(watch: Watch, missed: boolean): void {
    if (this.#watch !== watch) return;
    for (const [, pushes] of watch.pushes) pushes.ended(missed);
  }

  #explain(error: unknown): void {
    const { log } = this.#options;
    if (isDeployError(error, 'connect')) return; // The next poll reports it.
    if (!isDeployError(error, 'unsupported'))
      log.warn(
        { err: describeError(error) },
        'the watch failed; the agent polls the registry until the next connection',
      );
    else if (!this.#refusalLogged) {
      this.#refusalLogged = true;
      log.info('the registry does not announce changes, the agent only polls it');
    }
  }

  #expectLines(watch: Watch): { heard(): void; stop(): void } {
    const { silenceMs, log } = this.#options;
    const { connection } = watch;
    let received = connection.bytesReceived;
    const silent = () => {
      const more = connection.bytesReceived - received;
      received += more;
      if (more >= BUSY_BYTES) {
        timer.refresh();
        return;
      }
      log.warn(`the registry has sent nothing for ${formatDuration(silenceMs)}, connecting anew`);
      this.#ended(watch, true);
      connection.close();
    };
    const timer = setTimeout(silent, silenceMs);
    const heard = () => {
      received = connection.bytesReceived;
      timer.refresh();
    };
    return { heard, stop: () => clearTimeout(timer) };
  }
}
