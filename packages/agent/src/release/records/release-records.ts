import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isMissing } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { decodeReleaseRecord, encodeReleaseRecord, type ReleaseRecord } from './release-record.js';

/** A directory of records, one file for each release, named by its configuration hash. */
export class ReleaseRecords {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Configuration hashes, those recorded last first. */
  list(): string[] {
    const hashes = this.#names().filter((name) => /^[0-9a-f]{64}$/.test(name));
    const times = new Map(hashes.map((hash) => [hash, statSync(join(this.#dir, hash)).mtimeMs]));
    return hashes.sort((a, b) => (times.get(b) ?? 0) - (times.get(a) ?? 0));
  }

  /** @returns undefined when there is none. @throws DeployError corrupt. */
  read(hash: string): ReleaseRecord | undefined {
    try {
      return decodeReleaseRecord(readFileSync(join(this.#dir, hash)));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  write(hash: string, record: ReleaseRecord): void {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    writeFileAtomic(join(this.#dir, hash), encodeReleaseRecord(record), 0o600);
  }

  remove(hash: string): void {
    rmSync(join(this.#dir, hash), { force: true });
  }

  /** Removes those of releases that are gone, and what a crash left. */
  prune(existing: ReadonlySet<string>): void {
    for (const name of this.#names()) if (!existing.has(name)) this.remove(name);
  }

  #names(): string[] {
    try {
      return readdirSync(this.#dir);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }
}
