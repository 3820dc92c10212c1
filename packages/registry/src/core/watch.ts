import { setImmediate } from 'node:timers/promises';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { checkConfigurationName } from '@deploy-tools/shared/names.js';
import type { WatchEvent } from '@deploy-tools/shared/watch-line.js';
import type { MetaReader } from '../meta/meta-store.js';
import { type ConfigurationHead, headOf } from './configuration-events.js';
import type { Feed } from './feed.js';
import { type Registry, timestamp } from './registry.js';

/** The most names that one watch may ask for. */
const MAX_WATCHED_NAMES = 100;

/** How many heads are read before others get their turn. */
const HEADS_AT_ONCE = 100;

/** Something to tell a watcher; a head's own facts are there for those who may know them. */
export type Notice =
  | { readonly kind: 'head'; readonly head: ConfigurationHead }
  | { readonly kind: 'heartbeat'; readonly time: string };

/**
 * What one watcher has not been told yet: of each configuration the latest revision and nothing before it, however
 * long the watcher takes.
 */
export class Watch {
  readonly #registry: Registry;
  readonly #pending = new Map<string, ConfigurationHead>();
  /** The highest revision that was pending so far, by name. */
  readonly #known = new Map<string, number>();
  readonly #unsubscribe: () => void;
  readonly #leaveHeartbeats: () => void;
  #beat = false;
  #closed = false;
  #wake = () => {};

  constructor(registry: Registry, names: readonly string[] | undefined) {
    this.#registry = registry;
    this.#unsubscribe = registry.events.subscribe(names, (head) => this.offer(head));
    this.#leaveHeartbeats = registry.heartbeats.join(() => {
      this.#beat = true;
      this.#wake();
    });
  }

  /** Replaces what is pending of that name; what is not newer is left out. */
  offer(head: ConfigurationHead): void {
    if (this.#closed || head.revision <= (this.#known.get(head.name) ?? -1)) return;
    this.#known.set(head.name, head.revision);
    this.#pending.set(head.name, head);
    this.#wake();
  }

  /** The next thing to tell, when there is one; undefined when the watch is closed. One call at a time. */
  async next(): Promise<Notice | undefined> {
    for (;;) {
      if (this.#closed) return undefined;
      for (const head of this.#pending.values()) {
        this.#pending.delete(head.name);
        return { kind: 'head', head };
      }
      if (this.#beat) {
        this.#beat = false;
        return { kind: 'heartbeat', time: timestamp(this.#registry) };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** May be called twice. */
  close(): void {
    this.#closed = true;
    this.#unsubscribe();
    this.#leaveHeartbeats();
    this.#wake();
  }
}

/**
 * Begins to watch; the state of each configuration now is the first that the watch tells.
 * @param names undefined for all configurations, those that are yet to come too.
 */
export async function openWatch(registry: Registry, names: readonly string[] | undefined): Promise<Watch> {
  const watch = new Watch(registry, names); // before the state is read: nothing in between is missed
  try {
    const wanted = names ?? (await registry.meta.read((tx) => tx.configurations()));
    for (let at = 0; at < wanted.length; at += HEADS_AT_ONCE) {
      if (at > 0) await setImmediate();
      await offerHeads(registry, watch, wanted.slice(at, at + HEADS_AT_ONCE));
    }
    return watch;
  } catch (error) {
    watch.close();
    throw error;
  }
}

/** Tells a feed what there is to tell, as lines, until the feed ends. @param names undefined for all configurations. */
export async function feedWatch(
  registry: Registry,
  names: readonly string[] | undefined,
  feed: Feed,
  line: (notice: Notice) => string,
): Promise<void> {
  const watch = await openWatch(registry, names);
  if (feed.signal.aborted) watch.close();
  else feed.signal.addEventListener('abort', () => watch.close(), { once: true });
  for (let notice = await watch.next(); notice !== undefined; notice = await watch.next())
    await feed.send(line(notice));
}

/** @throws DeployError invalid, too-large. */
export function checkWatchedNames(names: readonly string[]): readonly string[] {
  if (names.length > MAX_WATCHED_NAMES) {
    throw new DeployError('too-large', `a watch takes at most ${MAX_WATCHED_NAMES} configurations`);
  }
  return [...new Set(names)].map(checkConfigurationName);
}

/** What every watcher may be told of a notice. */
export function watchEvent(notice: Notice): WatchEvent {
  if (notice.kind === 'heartbeat') return notice;
  const { name, revision, hash, mtime } = notice.head;
  return hash === undefined || mtime === undefined
    ? { kind: 'absent', name, revision }
    : { kind: 'config', name, revision, hash, mtime };
}

function offerHeads(registry: Registry, watch: Watch, names: readonly string[]): Promise<void> {
  return registry.meta.read(async (tx) => {
    for (const name of names) watch.offer(await headNow(tx, name));
  });
}

async function headNow(tx: MetaReader, name: string): Promise<ConfigurationHead> {
  const last = await tx.head(name);
  if (last !== undefined) return headOf(last, last);
  return { name, revision: 0, hash: undefined, mtime: undefined, author: undefined, command: undefined };
}
