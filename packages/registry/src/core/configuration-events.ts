import { setImmediate } from 'node:timers/promises';
import type { Configuration } from '@deploy-tools/shared/model.js';
import type { Author } from '../meta/author.js';

/** What a configuration's last revision says, and who made it. */
export interface ConfigurationHead {
  readonly name: string;
  /** 0 when there never was a configuration of that name. */
  readonly revision: number;
  /** Undefined when the configuration is deleted, or never was. */
  readonly hash: string | undefined;
  /** RFC 3339 UTC; undefined when there never was one. */
  readonly mtime: string | undefined;
  readonly author: Author | undefined;
  /** The command line that made it. */
  readonly command: string | undefined;
}

/** Must not throw, and returns soon. */
export type HeadListener = (head: ConfigurationHead) => void;

/** Listeners that are called in one turn of the event loop: each writes to a socket. */
const LISTENERS_AT_ONCE = 100;

/**
 * Announces every revision to subscribers after its commit. Two revisions of one name that follow each other closely may
 * arrive in either order: compare their numbers.
 */
export class ConfigurationEvents {
  readonly #byName = new Map<string, Set<HeadListener>>();
  readonly #ofAll = new Set<HeadListener>();

  /**
   * @param names of the configurations to listen to; undefined for all.
   * @returns a function that ends the subscription; a call that is under way may still come.
   */
  subscribe(names: readonly string[] | undefined, listener: HeadListener): () => void {
    if (names === undefined) this.#ofAll.add(listener);
    for (const name of names ?? []) this.#listenersOf(name).add(listener);
    return () => {
      this.#ofAll.delete(listener);
      for (const name of names ?? []) this.#forget(name, listener);
    };
  }

  /** To be called when the revision has been committed, never before. */
  publish(head: ConfigurationHead): void {
    void deliver([...(this.#byName.get(head.name) ?? []), ...this.#ofAll], head);
  }

  #listenersOf(name: string): Set<HeadListener> {
    const listeners = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, listeners);
    return listeners;
  }

  #forget(name: string, listener: HeadListener): void {
    const listeners = this.#byName.get(name);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#byName.delete(name);
  }
}

async function deliver(listeners: readonly HeadListener[], head: ConfigurationHead): Promise<void> {
  for (let at = 0; at < listeners.length; at += LISTENERS_AT_ONCE) {
    if (at > 0) await setImmediate();
    for (const listener of listeners.slice(at, at + LISTENERS_AT_ONCE)) listener(head);
  }
}

/** A revision as subscribers get it; one without layers is a deletion. */
export function headOf(
  { name, revision, hash, mtime, layers }: Configuration,
  { author, command }: { readonly author: Author; readonly command: string },
): ConfigurationHead {
  return { name, revision, hash: layers.length === 0 ? undefined : hash, mtime, author, command };
}
