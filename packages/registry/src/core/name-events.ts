import { setImmediate } from 'node:timers/promises';

/** Listeners that are called in one turn of the event loop: each writes to a socket. */
const LISTENERS_AT_ONCE = 100;

/** Must not throw, and returns soon. */
type Listener<Event> = (event: Event) => void;

/** Announces events of configurations to the subscribers of their names. */
export class NameEvents<Event extends { readonly name: string }> {
  readonly #byName = new Map<string, Set<Listener<Event>>>();
  readonly #ofAll = new Set<Listener<Event>>();

  /**
   * @param names of the configurations to listen to; undefined for all.
   * @returns a function that ends the subscription; a call that is under way may still come.
   */
  subscribe(names: readonly string[] | undefined, listener: Listener<Event>): () => void {
    if (names === undefined) this.#ofAll.add(listener);
    for (const name of names ?? []) {
      const listeners = this.#byName.get(name) ?? new Set();
      this.#byName.set(name, listeners.add(listener));
    }
    return () => {
      this.#ofAll.delete(listener);
      for (const name of names ?? []) {
        const listeners = this.#byName.get(name);
        listeners?.delete(listener);
        if (listeners?.size === 0) this.#byName.delete(name);
      }
    };
  }

  publish(event: Event): void {
    void deliver([...(this.#byName.get(event.name) ?? []), ...this.#ofAll], event);
  }
}

async function deliver<Event>(listeners: readonly Listener<Event>[], event: Event): Promise<void> {
  for (let at = 0; at < listeners.length; at += LISTENERS_AT_ONCE) {
    if (at > 0) await setImmediate();
    for (const listener of listeners.slice(at, at + LISTENERS_AT_ONCE)) listener(event);
  }
}
