import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory, writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';

/**
 * Whether somebody on this host said that nothing is to be deployed. A file in the agent's directory, so that an agent that
 * is started anew stays paused. What is in progress is finished first.
 */
export class Pause {
  readonly #path: string;
  readonly #onChange: () => void;
  #paused: boolean;
  #holding = false;

  /** @param onChange called when {@link holding} changes. Must not throw. */
  constructor(path: string, onChange: () => void = () => {}) {
    this.#path = path;
    this.#onChange = onChange;
    this.#paused = existsSync(path);
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Whether it has come into effect: nothing is in progress any more. */
  get holding(): boolean {
    return this.#holding;
  }

  /** @throws system errors; nothing has changed then. @returns false when it was so already. */
  set(paused: boolean): boolean {
    if (paused === this.#paused) return false;
    if (paused) writeFileAtomic(this.#path, `${new Date().toISOString()}\n`, 0o640);
    else {
      rmSync(this.#path, { force: true });
      syncDirectory(dirname(this.#path));
    }
    this.#paused = paused;
    if (!paused) this.#show(false);
    return true;
  }

  /** Asked before a deployment begins. @returns whether it must not. */
  hold(): boolean {
    this.#show(this.#paused);
    return this.#paused;
  }

  /** Something is done all the same; it is in effect again at the next {@link hold}. */
  lift(): void {
    this.#holding = false;
  }

  #show(holding: boolean): void {
    if (holding === this.#holding) return;
    this.#holding = holding;
    this.#onChange();
  }
}
