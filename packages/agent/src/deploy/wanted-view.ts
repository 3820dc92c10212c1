import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { errnoOf, unlessMissing } from '@deploy-tools/shared/errors.js';

/** The upstream's last answer to a poll. */
export interface Wanted {
  readonly config: AgentConfig;
  readonly at: Date;
}

/** Remembers the upstream's last answer, and on disk the time at which it last wanted the release that is proven here. */
export class WantedView {
  readonly #path: string;
  #last: Wanted | undefined;
  #noted = '';

  /** @param path of a file with a configuration hash; its modification time is when the upstream last wanted that one. */
  constructor(path: string) {
    this.#path = path;
  }

  get last(): Wanted | undefined {
    return this.#last;
  }

  /**
   * Takes an answer of the upstream. Failing to write the file is no error: a guard then distrusts this host's release sooner.
   * @returns whether the answer differs from the previous one.
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
      writeFileSync(this.#path, `${hash}\n`, { mode: 0o600 });
      this.#noted = hash;
    } catch (error) {
      this.#noted = '';
      if (errnoOf(error) === undefined) throw error;
    }
  }
}

/** When the upstream last wanted a release that is proven here, by the file of {@link WantedView}. */
export function confirmedAt(path: string, hash: string): Date | undefined {
  return unlessMissing(() => (readFileSync(path, 'utf8').trim() === hash ? statSync(path).mtime : undefined));
}
