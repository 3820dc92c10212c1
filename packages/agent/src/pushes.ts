import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { WatchEvent } from '@deploy-tools/shared/watch-line.js';
import { watchConfiguration } from './watch-channel.js';

/** As many bytes in the time of silence are a download, behind which the signs of life have to wait. */
const BUSY_BYTES = 256 * 1024;

export interface PushOptions {
  /** The configuration. */
  readonly name: string;
  /** A connection on which no line came for so long is given up. */
  readonly silenceMs: number;
  readonly log: Logger;
}

/**
 * Why waiting is over: the time, a configuration that was not seen yet, somebody who asked, or the connection is of no use
 * any more.
 */
export type Awakening = 'time' | 'told' | 'nudged' | 'lost';

/**
 * What the registry tells by itself between polls. It follows one connection at a time; with a registry that tells
 * nothing, waiting is all it does.
 */
export class Pushes {
  readonly #options: PushOptions;
  #connection: Connection | undefined;
  #working = false;
  #told: string | undefined;
  #lost = false;
  #refusalLogged = false;
  #nudged = false;
  #look = () => {};

  constructor(options: PushOptions) {
    this.#options = options;
  }

  /** Whether the registry tells of changes at present. */
  get working(): boolean {
    return this.#working;
  }

  /** Asks the registry to tell over this connection, once. What was before it is forgotten; undefined for nothing new. */
  follow(connection: Connection | undefined): void {
    this.#connection = connection;
    this.#working = false;
    this.#told = undefined;
    this.#lost = false;
    if (connection !== undefined) void this.#watch(connection);
  }

  /** Somebody wants the agent to look now. */
  nudge(): void {
    this.#nudged = true;
    this.#look();
  }

  /** Waits for the first of what there is to wait for; the signal counts as the time. @param seen a hash. */
  wait(ms: number, seen: string | undefined, signal: AbortSignal): Promise<Awakening> {
    return new Promise((resolve) => {
      const wake = (why: Awakening) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        this.#look = () => {};
        this.#told = undefined;
        this.#lost = false;
        this.#nudged = false;
        resolve(why);
      };
      const abort = () => wake('time');
      const timer = setTimeout(() => wake('time'), ms);
      signal.addEventListener('abort', abort);
      this.#look = () => {
        if (signal.aborted) wake('time');
        else if (this.#lost) wake('lost');
        else if (this.#nudged) wake('nudged');
        else if (this.#told !== undefined && this.#told !== seen) wake('told');
      };
      this.#look();
    });
  }

  /** Waits for the time, or for somebody who asks: the registry has nothing to tell meanwhile. */
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.#look = () => {};
        this.#nudged = false;
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal.addEventListener('abort', wake);
      this.#look = () => {
        if (signal.aborted || this.#nudged) wake();
      };
      this.#look();
    });
  }

  async #watch(connection: Connection): Promise<void> {
    const { name, log } = this.#options;
    const silence = this.#expectLines(connection);
    try {
      const end = await watchConfiguration(connection, name, (event) => {
        silence.heard();
        this.#take(connection, event);
      });
      log[this.#working ? 'debug' : 'warn'](end, 'the registry ended the watch');
    } catch (error) {
      this.#explain(error);
    } finally {
      silence.stop();
      this.#ended(connection, this.#working);
    }
  }

  #take(connection: Connection, event: WatchEvent): void {
    if (this.#connection !== connection) return;
    if (!this.#working) this.#options.log.debug('the registry tells of changes');
    this.#working = true;
    if (event.kind === 'config' && event.name === this.#options.name) {
      this.#options.log.debug({ revision: event.revision, hash: event.hash }, 'told');
      this.#told = event.hash;
      this.#look();
    }
  }

  /** @param missed false where the watch never worked: everything is left to polling then. */
  #ended(connection: Connection, missed: boolean): void {
    if (this.#connection !== connection) return;
    this.#working = false;
    this.#lost ||= missed;
    this.#look();
  }

  #explain(error: unknown): void {
    const { log } = this.#options;
    if (isDeployError(error, 'connect')) return; // whoever uses the connection meets it too
    if (!isDeployError(error, 'unsupported')) log.warn({ err: describeError(error) }, 'watching failed');
    else if (!this.#refusalLogged) {
      this.#refusalLogged = true;
      log.info('the registry does not tell of changes, it is polled only');
    }
  }

  #expectLines(connection: Connection): { heard(): void; stop(): void } {
    const { silenceMs, log } = this.#options;
    let received = connection.bytesReceived;
    const silent = () => {
      const more = connection.bytesReceived - received;
      received += more;
      if (more >= BUSY_BYTES) {
        timer.refresh();
        return;
      }
      log.warn(`nothing was heard from the registry for ${formatDuration(silenceMs)}, connecting anew`);
      this.#ended(connection, true);
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
