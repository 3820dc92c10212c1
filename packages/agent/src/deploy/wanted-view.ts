import { closeSync, openSync, readFileSync, statSync, utimesSync, writeSync } from 'node:fs';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { errnoOf } from '@deploy-tools/shared/errors.js';

/** What the registry wanted when it last answered. */
export interface Wanted {
  readonly config: AgentConfig;
  readonly at: Date;
}

/** Remembers what the registry wants, and on the disk when it last wanted what is proven here. */
export class WantedView {
  readonly #path: string;
  #last: Wanted | undefined;
  #noted = '';

  /** @param path of the file that holds a configuration hash; its time is when the registry last said so. */
  constructor(path: string) {
    this.#path = path;
  }

  get last(): Wanted | undefined {
    return this.#last;
  }

  /**
   * The registry answered. A file that cannot be written costs only that a guard trusts what is here for less long.
   * @returns whether that is news.
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

/** When the registry last wanted a release that is proven here, as {@link WantedView} noted it. */
export function confirmedAt(path: string, hash: string): Date | undefined {
  try {
    return readFileSync(path, 'utf8').trim() === hash ? statSync(path).mtime : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
