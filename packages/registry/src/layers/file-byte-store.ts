import { link, open, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, isMissing, toDeployError } from '@deploy-tools/shared/errors.js';
import type { ByteStore, LocatedFile, StagedUpload } from './byte-store.js';
import { diskError } from './disk-error.js';
import { FileUpload } from './file-upload.js';
import { HashDirectory } from './hash-directory.js';
import type { StoredFile, StoredFileInfo } from './stored-file.js';
import { syncNames } from './sync-names.js';

/** Unfinished uploads of the Go registry, which are useless once it has ended. */
const GO_UPLOAD = /^upload-\d+$/;

/**
 * Bytes in two directories below the registry's: `uploads/<hash>` and `files/<hash>`, where the Go registry keeps its
 * archives too. An upload in progress is `uploads/<random>.part`.
 */
export class FileByteStore implements ByteStore {
  readonly place: string;
  readonly #files: HashDirectory;
  readonly #uploads: HashDirectory;

  private constructor(dir: string) {
    this.place = dir;
    this.#files = new HashDirectory(join(dir, 'files'), 'archive');
    this.#uploads = new HashDirectory(join(dir, 'uploads'), 'archive');
  }

  static async open(dir: string): Promise<FileByteStore> {
    const store = new FileByteStore(dir);
    for (const directory of [store.#files, store.#uploads]) await directory.make();
    return store;
  }

  async stage(): Promise<StagedUpload> {
    const partial = this.#uploads.partialPath();
    try {
      const file = await open(partial, 'wx+', 0o600);
      return new FileUpload(file, partial, (hash) => this.#uploads.pathOf(hash));
    } catch (error) {
      throw diskError(error, this.#uploads.dir);
    }
  }

  uploads(): Promise<readonly StoredFileInfo[]> {
    return this.#uploads.list();
  }

  removeUpload(hash: string): Promise<void> {
    return this.#uploads.remove(hash);
  }

  async promote(hash: string): Promise<StoredFileInfo> {
    const target = this.#files.pathOf(hash);
    const source = this.#uploads.pathOf(hash);
    if ((await this.stat(hash)) === undefined) {
      try {
        // A link, not a rename: the upload stays until its row is deleted, whatever happens in between.
        await link(source, target);
      } catch (error) {
        if (isMissing(error)) throw this.#files.notFound(hash);
        if (errnoOf(error) !== 'EEXIST') await rename(source, target); // a file system without hard links
      }
      await syncNames(this.#files.dir);
    }
    const info = await this.stat(hash);
    if (info === undefined) throw this.#files.notFound(hash);
    return info;
  }

  async demote(hash: string): Promise<void> {
    const archive = this.#files.pathOf(hash);
    try {
      if ((await this.#uploads.stat(hash)) !== undefined) await rm(archive, { force: true });
      else await rename(archive, this.#uploads.pathOf(hash));
    } catch (error) {
      if (!isMissing(error)) throw toDeployError(error);
    }
    await syncNames(this.#files.dir);
  }

  stat(hash: string): Promise<StoredFileInfo | undefined> {
    return this.#files.stat(hash);
  }

  open(hash: string): Promise<StoredFile> {
    return this.#files.open(hash);
  }

  archives(): Promise<readonly StoredFileInfo[]> {
    return this.#files.list();
  }

  async locate(place: 'archive' | 'upload', hash: string): Promise<LocatedFile | undefined> {
    const directory = place === 'archive' ? this.#files : this.#uploads;
    const info = await directory.stat(hash);
    return info === undefined ? undefined : { path: directory.pathOf(hash), size: info.size };
  }

  remove(hash: string): Promise<void> {
    return this.#files.remove(hash);
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#uploads.dir);
    return bavail * bsize;
  }

  clean(): Promise<number> {
    return this.#uploads.clean((name) => GO_UPLOAD.test(name));
  }
}
