import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DerivedKind, DerivedStore } from './derived-store.js';
import { diskError } from './disk-error.js';
import { type HashDirectory, listFiles, openFile, pathOf, statFile } from './hash-directory.js';
import type { StoredFile, StoredFileInfo } from './stored-file.js';
import { syncNames } from './sync-names.js';

const DRAFT = '.part';

/**
 * `manifests/<hash>` and `packs/<hash>` below the registry's directory; a draft is `<random>.part` beside them, and its
 * writer may have files of its own that begin with that name.
 */
export class FileDerivedStore implements DerivedStore {
  readonly #directories: Readonly<Record<DerivedKind, HashDirectory>>;

  private constructor(dir: string) {
    this.#directories = {
      manifest: { dir: join(dir, 'manifests'), what: 'manifest' },
      pack: { dir: join(dir, 'packs'), what: 'pack' },
    };
  }

  static async open(dir: string): Promise<FileDerivedStore> {
    const store = new FileDerivedStore(dir);
    for (const { dir: path } of Object.values(store.#directories)) {
      await mkdir(path, { recursive: true, mode: 0o700 });
    }
    return store;
  }

  draft(kind: DerivedKind): string {
    return join(this.#directories[kind].dir, `${randomBytes(12).toString('hex')}${DRAFT}`);
  }

  async put(kind: DerivedKind, hash: string, draft: string): Promise<void> {
    const directory = this.#directories[kind];
    const path = pathOf(directory, hash);
    try {
      await rename(draft, path);
      await syncNames(directory.dir);
    } catch (error) {
      throw diskError(error, directory.dir);
    }
  }

  async discard(draft: string): Promise<void> {
    await rm(draft, { force: true });
  }

  async stat(kind: DerivedKind, hash: string): Promise<StoredFileInfo | undefined> {
    return statFile(this.#directories[kind], hash);
  }

  async open(kind: DerivedKind, hash: string): Promise<StoredFile> {
    return openFile(this.#directories[kind], hash);
  }

  locate(kind: DerivedKind, hash: string): string {
    return pathOf(this.#directories[kind], hash);
  }

  list(kind: DerivedKind): Promise<readonly StoredFileInfo[]> {
    return listFiles(this.#directories[kind]);
  }

  async remove(kind: DerivedKind, hash: string): Promise<void> {
    await rm(pathOf(this.#directories[kind], hash), { force: true });
  }

  async clean(): Promise<number> {
    let removed = 0;
    for (const { dir } of Object.values(this.#directories)) {
      for (const name of (await readdir(dir)).filter((one) => one.includes(DRAFT))) {
        await rm(join(dir, name), { force: true });
        removed += 1;
      }
    }
    return removed;
  }
}
