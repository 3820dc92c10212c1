import { join } from 'node:path';
import { type AgentConfig, decodeConfigJson, encodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { describeError, isMissing } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import * as z from 'zod/mini';

const MAX_BYTES = 16 * 1024 * 1024;

const keptSchema = z.object({ source: z.string(), tag: z.string(), config: z.string() });

/** The release that was taken from a source last; it is wanted until a newer one appears. */
export interface TakenRelease {
  readonly tag: string;
  readonly config: AgentConfig;
}

/** Stores the taken release in the agent's directory, for the next start. */
export class TakenReleases {
  readonly #path: string;
  readonly #source: string;
  readonly #log: Logger;

  /** @param source names the followed source; a release that was taken from another one does not count. */
  constructor(dir: string, source: string, log: Logger) {
    this.#path = join(dir, 'source.json');
    this.#source = source;
    this.#log = log;
  }

  /** Undefined also when the stored file cannot be read: the release is fetched again then. */
  read(): TakenRelease | undefined {
    try {
      const text = readRegularFile(this.#path, MAX_BYTES).toString('utf8');
      const { source, tag, config } = decodeJson(text, keptSchema, { what: this.#path, kind: 'corrupt' });
      return source === this.#source ? { tag, config: decodeConfigJson(config) } : undefined;
    } catch (error) {
      if (!isMissing(error))
        this.#log.warn({ path: this.#path, err: describeError(error) }, 'the release is fetched again');
      return undefined;
    }
  }

  write({ tag, config }: TakenRelease): void {
    const kept = { source: this.#source, tag, config: encodeConfigJson(config) };
    writeFileAtomic(this.#path, `${JSON.stringify(kept)}\n`, 0o600);
  }
}
