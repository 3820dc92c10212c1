import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DerivedKind, DerivedStore } from './derived-store.js';
import { diskError } from './disk-error.js';
import { HashDirectory } from './hash-directory.js';
import type { StoredFile, StoredFileInfo } from './stored-file.js';
import { syncNames } from './sync-names.js';

/**
 * `manifests/<hash>` and `packs/<hash>` below the registry's directory. A draft is `<random>.part` beside them; its writer may
 * have further files whose names begin with that name.
 */
export class FileDerivedStore implements DerivedStore {
  readonly #directories: Readonly<Record<DerivedKind, HashDirectory>>;

  private constructor(dir: string) {
    this.#directories = {
      manifest: new HashDirectory(join(dir, 'manifests'), 'manifest'),
      pack: new HashDirectory(join(dir, 'packs'), 'pack'),
    };
  }

  static async open(dir: string): Promise<FileDerivedStore> {
    const store = new FileDerivedStore(dir);
    for (const directory of Object.values(store.#directories)) await directory.make();
    return store;
  }

  draft(kind: DerivedKind): string {
    return this.#directories[kind].partialPath();
  }

  async put(kind: DerivedKind, hash: string, draft: string): Promise<void> {
    const directory = this.#directories[kind];
    const path = directory.pathOf(hash);
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
    return this.#directories[kind].stat(hash);
  }

  async open(kind: DerivedKind, hash: string): Promise<StoredFile> {
    return this.#directories[kind].open(hash);
  }

  locate(kind: DerivedKind, hash: string): string {
    return this.#directories[kind].pathOf(hash);
  }

  list(kind: DerivedKind): Promise<readonly StoredFileInfo[]> {
    return this.#directories[kind].list();
  }

  remove(kind: DerivedKind, hash: string): Promise<void> {
    return this.#directories[kind].remove(hash);
  }

  async clean(): Promise<number> {
    const { manifest, pack } = this.#directories;
    return (await manifest.clean()) + (await pack.clean());
  }
}
