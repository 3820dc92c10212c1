import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isMissing } from '@deploy-tools/shared/errors.js';
import { namesIn } from '@deploy-tools/shared/host/names-in.js';

/** A directory of files that are named by a hash in 64 hex digits. It is made when something is first written to it. */
export class HashDirectory {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  path(hash: string): string {
    return join(this.#dir, hash);
  }

  /** Hashes of the files that are there, in no order. */
  list(): string[] {
    return namesIn(this.#dir).filter((name) => /^[0-9a-f]{64}$/.test(name));
  }

  /** @returns undefined when there is no such file. */
  read(hash: string): Buffer | undefined {
    try {
      return readFileSync(this.path(hash));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Makes the directory (0700), so that a file can be written to it. */
  make(): void {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
  }

  remove(hash: string): void {
    rmSync(this.path(hash), { force: true });
  }

  /** Removes all files but these, also temporary ones that a crash left. */
  prune(kept: ReadonlySet<string>): void {
    for (const name of namesIn(this.#dir)) if (!kept.has(name)) this.remove(name);
  }
}
