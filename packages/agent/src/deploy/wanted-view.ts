import { closeSync, openSync, readFileSync, statSync, utimesSync, writeSync } from 'node:fs';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { errnoOf, isMissing } from '@deploy-tools/shared/errors.js';

/** What the upstream wanted when it last answered. */
export interface Wanted {
  readonly config: AgentConfig;
  readonly at: Date;
}

/** Remembers what the upstream wants, and on disk when it last wanted what is proven here. */
export class WantedView {
  readonly #path: string;
  #last: Wanted | undefined;
  #noted = '';

  /** @param path of a file that holds a configuration hash; its modification time is when the upstream last wanted that. */
  constructor(path: string) {
    this.#path = path;
  }

  get last(): Wanted | undefined {
    return this.#last;
  }

  /**
   * Takes an answer of the upstream. If the file cannot be written, a guard trusts what is here for less long, and nothing else.
   * @returns whether the answer differs from the one before.
   */
  saw(config: AgentConfig, at: Date, lastGood: AgentConfig | undefined): boolean {
    const before = this.#last?.config;
    this.#last = { config, at };
    if (config.hash === lastGood?.hash) this.#note(config.hash, at);
    return before?.hash !== config.hash || before.revision !== config.revision;
  }

  #note(hash: string, at: Date): void {
    try {
      if (this.#noted === hash) {
        utimesSync(this.#path, at, at);
        return;
      }
      const fd = openSync(this.#path, 'w', 0o600);
      writeSync(fd, `${hash}\n`);
      closeSync(fd);
      this.#noted = hash;
    } catch (error) {
      this.#noted = '';
      if (errnoOf(error) === undefined) throw error;
    }
  }
}

/** When the upstream last wanted a release that is proven here, as {@link WantedView} noted it. */
export function confirmedAt(path: string, hash: string): Date | undefined {
  try {
    return readFileSync(path, 'utf8').trim() === hash ? statSync(path).mtime : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
