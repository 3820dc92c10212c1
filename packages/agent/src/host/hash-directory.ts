import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { unlessMissing } from '@deploy-tools/shared/errors.js';
import { namesIn } from '@deploy-tools/shared/host/names-in.js';

/** A directory of files whose names are hashes, each of 64 hex digits. {@link make} makes it. */
export class HashDirectory {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  path(hash: string): string {
    return join(this.#dir, hash);
  }

  /** Hashes of all files, in no order. */
  list(): string[] {
    return namesIn(this.#dir).filter((name) => /^[0-9a-f]{64}$/.test(name));
  }

  /** @returns undefined when there is no such file. */
  read(hash: string): Buffer | undefined {
    return unlessMissing(() => readFileSync(this.path(hash)));
  }

  /** Makes the directory (0700). To be called before a file is written to it. */
  make(): void {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
  }

  remove(hash: string): void {
    rmSync(this.path(hash), { force: true });
  }

  /** Removes all files but these, temporary files of a crash included. */
  prune(kept: ReadonlySet<string>): void {
    for (const name of namesIn(this.#dir)) if (!kept.has(name)) this.remove(name);
  }
}
