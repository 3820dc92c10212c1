import { afterAll, onTestFinished } from 'vitest';

/** Where helpers leave their cleaning up: whatever was deferred runs newest first, each once. */
export interface Scope {
  defer(cleanup: () => Promise<void> | void): void;
}

/** Cleans up when the test that calls this has ended, failed or not. */
export function testScope(): Scope {
  const scope = new Cleanups();
  onTestFinished(() => scope.run());
  return scope;
}

/** Cleans up after the last test of the file or `describe` that calls this. */
export function fileScope(): Scope {
  const scope = new Cleanups();
  afterAll(() => scope.run());
  return scope;
}

class Cleanups implements Scope {
  readonly #cleanups: (() => Promise<void> | void)[] = [];

  defer(cleanup: () => Promise<void> | void): void {
    this.#cleanups.push(cleanup);
  }

  /** Runs all of them, whatever one throws; then throws the first of that. */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (const cleanup of this.#cleanups.splice(0).reverse()) {
      try {
        await cleanup();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
