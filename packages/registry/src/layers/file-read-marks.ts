import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { diskError } from './disk-error.js';
import type { ReadMarks } from './read-marks.js';

const KEPT_MS = 24 * 60 * 60 * 1000;

/**
 * `reading/<hash>` below the registry's directory, with one byte for each begun reading. The files are not synced: a mark that
 * a loss of power removes does not count against the archive.
 */
export class FileReadMarks implements ReadMarks {
  readonly #dir: string;
  readonly #clock: () => Date;

  private constructor(dir: string, clock: () => Date) {
    this.#dir = dir;
    this.#clock = clock;
  }

  /** Opens the directory, and removes marks that are a day old. */
  static async open(dir: string, clock: () => Date): Promise<FileReadMarks> {
    const marks = new FileReadMarks(join(dir, 'reading'), clock);
    await mkdir(marks.#dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(marks.#dir)) await marks.#count(name);
    return marks;
  }

  async begin(hash: string): Promise<number> {
    const before = await this.#count(hash);
    try {
      await writeFile(join(this.#dir, hash), '.', { flag: 'a', mode: 0o600 });
    } catch (error) {
      throw diskError(error, this.#dir);
    }
    return before;
  }

  async end(hash: string): Promise<void> {
    await rm(join(this.#dir, hash), { force: true });
  }

  /** The number of an archive's marks; marks that are a day old are removed. */
  async #count(hash: string): Promise<number> {
    const path = join(this.#dir, hash);
    try {
      const { mtimeMs } = await stat(path);
      if (this.#clock().getTime() - mtimeMs < KEPT_MS) return (await readFile(path)).length;
      await rm(path, { force: true });
      return 0;
    } catch (error) {
      const failure = toDeployError(error);
      if (isDeployError(failure, 'not-found')) return 0;
      throw failure;
    }
  }
}
