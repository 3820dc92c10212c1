import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError, isMissing, toDeployError } from '@deploy-tools/shared/errors.js';
import type { StoredFile, StoredFileInfo } from './stored-file.js';

const HASH = /^[0-9a-f]{64}$/;
const PARTIAL = '.part';

/** A directory of files that are named by their hashes; other names in it are ignored. */
export class HashDirectory {
  readonly dir: string;
  readonly #what: string;

  /** @param what the name of such a file in messages. */
  constructor(dir: string, what: string) {
    this.dir = dir;
    this.#what = what;
  }

  async make(): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
  }

  /** The path of a file, whether it exists or not. @throws DeployError invalid when the name is not a hash. */
  pathOf(hash: string): string {
    if (!HASH.test(hash)) {
      throw new DeployError('invalid', `the name of the ${this.#what} is not 64 lower-case hex digits`);
    }
    return join(this.dir, hash);
  }

  /** A new path for a file whose hash is not known yet. */
  partialPath(): string {
    return join(this.dir, `${randomBytes(12).toString('hex')}${PARTIAL}`);
  }

  /** Removes partial files, files beside them whose names begin alike, and other leftovers. @returns their number. */
  async clean(isLeftover: (name: string) => boolean = () => false): Promise<number> {
    const names = (await readdir(this.dir)).filter((name) => name.includes(PARTIAL) || isLeftover(name));
    for (const name of names) await rm(join(this.dir, name), { force: true });
    return names.length;
  }

  /** In the order of their hashes. */
  async list(): Promise<StoredFileInfo[]> {
    const infos: StoredFileInfo[] = [];
    for (const name of (await readdir(this.dir)).sort()) {
      const info = HASH.test(name) ? await this.stat(name) : undefined;
      if (info !== undefined) infos.push(info);
    }
    return infos;
  }

  async stat(hash: string): Promise<StoredFileInfo | undefined> {
    const path = this.pathOf(hash);
    try {
      const { size, mtimeMs } = await stat(path);
      return { hash, size, mtime: Math.floor(mtimeMs / 1000) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw toDeployError(error);
    }
  }

  /** @throws DeployError not-found. */
  async open(hash: string): Promise<StoredFile> {
    const path = this.pathOf(hash);
    try {
      const file = await open(path, 'r');
      const { size, mtimeMs } = await file.stat();
      return {
        size,
        mtime: Math.floor(mtimeMs / 1000),
        read: async (target, position) => (await file.read(target, 0, target.length, position)).bytesRead,
        close: () => file.close(),
      };
    } catch (error) {
      throw isMissing(error) ? this.notFound(hash) : toDeployError(error);
    }
  }

  async remove(hash: string): Promise<void> {
    await rm(this.pathOf(hash), { force: true });
  }

  notFound(hash: string): DeployError {
    return new DeployError('not-found', `no ${this.#what} ${hash}`);
  }
}
