import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, isMissing, toDeployError } from '@deploy-tools/shared/errors.js';
import type { ByteStore, LocatedFile, StagedUpload } from './byte-store.js';
import { diskError } from './disk-error.js';
import { FileUpload } from './file-upload.js';
import { type HashDirectory, listFiles, noSuchFile, openFile, pathOf, statFile } from './hash-directory.js';
import type { StoredFile, StoredFileInfo } from './stored-file.js';
import { syncNames } from './sync-names.js';

const PARTIAL = '.part';
/** Uploads of the Go registry, which are lost when that ends. */
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
    this.#files = { dir: join(dir, 'files'), what: 'archive' };
    this.#uploads = { dir: join(dir, 'uploads'), what: 'archive' };
  }

  static async open(dir: string): Promise<FileByteStore> {
    const store = new FileByteStore(dir);
    for (const { dir: path } of [store.#files, store.#uploads]) {
      await mkdir(path, { recursive: true, mode: 0o700 });
    }
    return store;
  }

  async stage(): Promise<StagedUpload> {
    const partial = join(this.#uploads.dir, `${randomBytes(12).toString('hex')}${PARTIAL}`);
    try {
      const file = await open(partial, 'wx+', 0o600);
      return new FileUpload(file, partial, (hash) => pathOf(this.#uploads, hash));
    } catch (error) {
      throw diskError(error, this.#uploads.dir);
    }
  }

  uploads(): Promise<readonly StoredFileInfo[]> {
    return listFiles(this.#uploads);
  }

  async removeUpload(hash: string): Promise<void> {
    await rm(pathOf(this.#uploads, hash), { force: true });
  }

  async promote(hash: string): Promise<StoredFileInfo> {
    const target = pathOf(this.#files, hash);
    const source = pathOf(this.#uploads, hash);
    if ((await this.stat(hash)) === undefined) {
      try {
        // A link, not a rename: the upload stays until its row is gone, whatever happens in between.
        await link(source, target);
      } catch (error) {
        if (isMissing(error)) throw noSuchFile(this.#files, hash);
        if (errnoOf(error) !== 'EEXIST') await rename(source, target); // a file system without hard links
      }
      await syncNames(this.#files.dir);
    }
    const info = await this.stat(hash);
    if (info === undefined) throw noSuchFile(this.#files, hash);
    return info;
  }

  async demote(hash: string): Promise<void> {
    const archive = pathOf(this.#files, hash);
    try {
      if ((await statFile(this.#uploads, hash)) !== undefined) await rm(archive, { force: true });
      else await rename(archive, pathOf(this.#uploads, hash));
    } catch (error) {
      if (!isMissing(error)) throw toDeployError(error);
    }
    await syncNames(this.#files.dir);
  }

  stat(hash: string): Promise<StoredFileInfo | undefined> {
    return statFile(this.#files, hash);
  }

  open(hash: string): Promise<StoredFile> {
    return openFile(this.#files, hash);
  }

  archives(): Promise<readonly StoredFileInfo[]> {
    return listFiles(this.#files);
  }

  async locate(place: 'archive' | 'upload', hash: string): Promise<LocatedFile | undefined> {
    const directory = place === 'archive' ? this.#files : this.#uploads;
    const info = await statFile(directory, hash);
    return info === undefined ? undefined : { path: pathOf(directory, hash), size: info.size };
  }

  async remove(hash: string): Promise<void> {
    await rm(pathOf(this.#files, hash), { force: true });
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#uploads.dir);
    return bavail * bsize;
  }

  async clean(): Promise<number> {
    const { dir } = this.#uploads;
    const partials = (await readdir(dir)).filter((name) => name.endsWith(PARTIAL) || GO_UPLOAD.test(name));
    for (const name of partials) await rm(join(dir, name), { force: true });
    return partials.length;
  }
}
