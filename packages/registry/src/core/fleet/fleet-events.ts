/** Announces changes of the hosts that follow a configuration. */
export class FleetEvents {
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #ofAll = new Set<(configuration: string) => void>();

  /** @param listener must not throw, and returns soon. @returns a function that ends the subscription. */
  subscribe(configuration: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(configuration) ?? new Set();
    this.#listeners.set(configuration, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(configuration);
    };
  }

  /** Subscribes to every configuration; the listener gets its name. */
  subscribeAll(listener: (configuration: string) => void): () => void {
    this.#ofAll.add(listener);
    return () => this.#ofAll.delete(listener);
  }

  publish(configuration: string): void {
    for (const listener of this.#ofAll) listener(configuration);
    for (const listener of this.#listeners.get(configuration) ?? []) listener();
  }
}
