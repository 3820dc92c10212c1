import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { DeployError, errnoOf, toDeployError } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import type { ByteStore, StagedUpload, StoredFile, StoredFileInfo } from './byte-store.js';
import { FileUpload } from './file-upload.js';

const PARTIAL = '.part';
const HASH = /^[0-9a-f]{64}$/;
/** The original's uploads: it knows which is which only while it runs. */
const ORIGINAL_UPLOAD = /^upload-\d+$/;

/**
 * Bytes in two directories below the registry's: `uploads/<hash>` and `files/<hash>`, where the original keeps its
 * archives too. An upload in progress is `uploads/<random>.part`.
 */
export class FileByteStore implements ByteStore {
  readonly #files: string;
  readonly #uploads: string;

  private constructor(dir: string) {
    this.#files = join(dir, 'files');
    this.#uploads = join(dir, 'uploads');
  }

  static async open(dir: string): Promise<FileByteStore> {
    const store = new FileByteStore(dir);
    await mkdir(store.#files, { recursive: true, mode: 0o700 });
    await mkdir(store.#uploads, { recursive: true, mode: 0o700 });
    return store;
  }

  async stage(): Promise<StagedUpload> {
    const partial = join(this.#uploads, `${randomBytes(12).toString('hex')}${PARTIAL}`);
    try {
      const file = await open(partial, 'wx+', 0o600);
      return new FileUpload(file, partial, (hash) => join(this.#uploads, hash));
    } catch (error) {
      throw toDeployError(error);
    }
  }

  uploads(): Promise<readonly StoredFileInfo[]> {
    return listHashes(this.#uploads);
  }

  async removeUpload(hash: string): Promise<void> {
    await rm(join(this.#uploads, checked(hash)), { force: true });
  }

  async promote(hash: string): Promise<StoredFileInfo> {
    const target = join(this.#files, checked(hash));
    const source = join(this.#uploads, hash);
    if ((await this.stat(hash)) === undefined) {
      try {
        // A link, not a rename: the upload stays until its row is gone, whatever happens in between.
        await link(source, target);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') throw missing(hash);
        if (errnoOf(error) !== 'EEXIST') await rename(source, target); // a file system without hard links
      }
      syncDirectory(this.#files);
    }
    const info = await this.stat(hash);
    if (info === undefined) throw missing(hash);
    return info;
  }

  async stat(hash: string): Promise<StoredFileInfo | undefined> {
    return statHash(this.#files, checked(hash));
  }

  async open(hash: string): Promise<StoredFile> {
    try {
      const file = await open(join(this.#files, checked(hash)), 'r');
      const { size, mtimeMs } = await file.stat();
      return {
        size,
        mtime: Math.floor(mtimeMs / 1000),
        read: async (target, position) => (await file.read(target, 0, target.length, position)).bytesRead,
        close: () => file.close(),
      };
    } catch (error) {
      throw errnoOf(error) === 'ENOENT' ? missing(hash) : toDeployError(error);
    }
  }

  archives(): Promise<readonly StoredFileInfo[]> {
    return listHashes(this.#files);
  }

  async remove(hash: string): Promise<void> {
    await rm(join(this.#files, checked(hash)), { force: true });
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#uploads);
    return bavail * bsize;
  }

  async clean(): Promise<number> {
    const partials = (await readdir(this.#uploads)).filter(
      (name) => name.endsWith(PARTIAL) || ORIGINAL_UPLOAD.test(name),
    );
    for (const name of partials) await rm(join(this.#uploads, name), { force: true });
    return partials.length;
  }
}

async function listHashes(dir: string): Promise<StoredFileInfo[]> {
  const infos: StoredFileInfo[] = [];
  for (const name of (await readdir(dir)).sort()) {
    const info = HASH.test(name) ? await statHash(dir, name) : undefined;
    if (info !== undefined) infos.push(info);
  }
  return infos;
}

async function statHash(dir: string, hash: string): Promise<StoredFileInfo | undefined> {
  try {
    const { size, mtimeMs } = await stat(join(dir, hash));
    return { hash, size, mtime: Math.floor(mtimeMs / 1000) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw toDeployError(error);
  }
}

/** Every path here is made from a hash; nothing else may become one. */
function checked(hash: string): string {
  if (!HASH.test(hash)) throw new DeployError('invalid', 'an archive is named by 64 lower-case hex digits');
  return hash;
}

function missing(hash: string): DeployError {
  return new DeployError('not-found', `no archive ${hash}`);
}
