import { setImmediate } from 'node:timers/promises';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { checkConfigurationName } from '@deploy-tools/shared/names.js';
import type { WatchEvent } from '@deploy-tools/shared/watch-line.js';
import type { MetaReader, MetaStore } from '../meta/meta-store.js';
import { type Clock, timestamp } from './clock.js';
import { type ConfigurationEvents, type ConfigurationHead, headOf } from './configuration-events.js';
import type { Feed } from './feed.js';
import type { Heartbeats } from './heartbeats.js';

/** The most configurations of one watch. */
const MAX_WATCHED_NAMES = 100;

/** Heads that one transaction reads; other work runs before the next one. */
const HEADS_AT_ONCE = 100;

/** An update of a watch. Agents get less of a head than operators: see {@link watchEvent}. */
export type WatchUpdate =
  | { readonly kind: 'head'; readonly head: ConfigurationHead }
  | { readonly kind: 'heartbeat'; readonly time: string };

export interface WatchPorts {
  readonly meta: Pick<MetaStore, 'read'>;
  readonly events: ConfigurationEvents;
  readonly heartbeats: Heartbeats;
  readonly clock: Clock;
}

/** Opens watches for operators and agents. */
export class Watches {
  readonly #ports: WatchPorts;

  constructor(ports: WatchPorts) {
    this.#ports = ports;
  }

  /**
   * Opens a watch, whose first updates are the present heads.
   * @param names undefined for all configurations, future ones included.
   */
  async open(names: readonly string[] | undefined): Promise<Watch> {
    const { meta } = this.#ports;
    const watch = new Watch(this.#ports, names); // before the state is read, so that no change is missed
    try {
      const wanted = names ?? (await meta.read((tx) => tx.configurations()));
      for (let at = 0; at < wanted.length; at += HEADS_AT_ONCE) {
        if (at > 0) await setImmediate();
        await meta.read(async (tx) => {
          for (const name of wanted.slice(at, at + HEADS_AT_ONCE)) watch.offer(await readHead(tx, name));
        });
      }
      return watch;
    } catch (error) {
      watch.close();
      throw error;
    }
  }
}

/**
 * The pending updates of one watcher: only the latest revision of each configuration, so that a slow watcher takes no more
 * memory than a fast one.
 */
export class Watch {
  readonly #clock: Clock;
  readonly #pending = new Map<string, ConfigurationHead>();
  /** The highest revision of each name that was pending so far. */
  readonly #known = new Map<string, number>();
  readonly #unsubscribe: () => void;
  readonly #leaveHeartbeats: () => void;
  #beat = false;
  #closed = false;
  #wake = () => {};

  constructor({ events, heartbeats, clock }: Omit<WatchPorts, 'meta'>, names: readonly string[] | undefined) {
    this.#clock = clock;
    this.#unsubscribe = events.subscribe(names, (head) => this.offer(head));
    this.#leaveHeartbeats = heartbeats.join(() => {
      this.#beat = true;
      this.#wake();
    });
  }

  /** Replaces the pending head of that name; a head that is not newer is dropped. */
  offer(head: ConfigurationHead): void {
    if (this.#closed || head.revision <= (this.#known.get(head.name) ?? -1)) return;
    this.#known.set(head.name, head.revision);
    this.#pending.set(head.name, head);
    this.#wake();
  }

  /** Resolves with the next update; with undefined when the watch is closed. One call at a time. */
  async next(): Promise<WatchUpdate | undefined> {
    for (;;) {
      if (this.#closed) return undefined;
      for (const head of this.#pending.values()) {
        this.#pending.delete(head.name);
        return { kind: 'head', head };
      }
      if (this.#beat) {
        this.#beat = false;
        return { kind: 'heartbeat', time: timestamp(this.#clock) };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Writes each update as a line until the feed ends. Closes the watch then. */
  async feed(feed: Feed, line: (update: WatchUpdate) => string): Promise<void> {
    if (feed.signal.aborted) this.close();
    else feed.signal.addEventListener('abort', () => this.close(), { once: true });
    for (let update = await this.next(); update !== undefined; update = await this.next())
      await feed.send(line(update));
  }

  /** May be called twice. */
  close(): void {
    this.#closed = true;
    this.#unsubscribe();
    this.#leaveHeartbeats();
    this.#wake();
  }
}

/** @throws DeployError invalid, too-large. */
export function checkWatchedNames(names: readonly string[]): readonly string[] {
  if (names.length > MAX_WATCHED_NAMES) {
    throw new DeployError('too-large', `a watch takes at most ${MAX_WATCHED_NAMES} configurations`);
  }
  return [...new Set(names)].map(checkConfigurationName);
}

/** The part of an update that agents get: without the author of the revision. */
export function watchEvent(update: WatchUpdate): WatchEvent {
  if (update.kind === 'heartbeat') return update;
  const { name, revision, hash, mtime } = update.head;
  return hash === undefined || mtime === undefined
    ? { kind: 'absent', name, revision }
    : { kind: 'config', name, revision, hash, mtime };
}

async function readHead(tx: MetaReader, name: string): Promise<ConfigurationHead> {
  const last = await tx.head(name);
  if (last !== undefined) return headOf(last, last);
  return { name, revision: 0, hash: undefined, mtime: undefined, author: undefined, command: undefined };
}
