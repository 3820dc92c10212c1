import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { StoredBlob } from '@deploy-tools/shared/model.js';
import type { StagedUpload } from './byte-store.js';
import { diskError } from './disk-error.js';
import { syncNames } from './sync-names.js';

/** Bytes after which a write-back to the disk is started, so that sealing has little to wait for. */
const FLUSH_EVERY = 16 * 1024 * 1024;
const REREAD_CHUNK = 1024 * 1024;

/**
 * An upload in a temporary file. Writes that come in order are hashed at once; after a write out of order sealing reads the
 * file again.
 */
export class FileUpload implements StagedUpload {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #pathOf: (hash: string) => string;
  #running: Hash | undefined = createHash('sha256');
  #hashed = 0;
  #size = 0;
  #unflushed = 0;
  #flush: Promise<void> | undefined;
  /** The failure of a write or a write-back; the kernel reports it once, and `seal` must not miss it. */
  #failure: unknown;
  /** The hash of the written bytes, once `prepare` knows it. */
  #prepared: string | undefined;
  #ended = false;

  constructor(file: FileHandle, path: string, pathOf: (hash: string) => string) {
    this.#file = file;
    this.#path = path;
    this.#pathOf = pathOf;
  }

  get size(): number {
    return this.#size;
  }

  async write(data: Buffer, position: number): Promise<void> {
    if (this.#ended) throw hasEnded();
    if (data.length === 0) return;
    this.#prepared = undefined;
    if (position === this.#hashed) {
      this.#running?.update(data);
      this.#hashed += data.length;
    } else {
      this.#running = undefined;
    }
    this.#size = Math.max(this.#size, position + data.length);
    try {
      for (let at = 0; at < data.length; ) {
        at += (await this.#file.write(data, at, data.length - at, position + at)).bytesWritten;
      }
    } catch (error) {
      this.#failure = error;
      throw diskError(error, dirname(this.#path));
    }
    this.#flushNow(data.length);
  }

  async prepare(signal?: AbortSignal): Promise<void> {
    try {
      await this.#prepare(signal);
    } catch (error) {
      throw diskError(error, dirname(this.#path));
    }
  }

  async seal(): Promise<StoredBlob> {
    if (this.#ended) throw hasEnded();
    try {
      const hash = this.#prepared ?? (await this.#prepare());
      this.#ended = true;
      await this.#file.close();
      await rename(this.#path, this.#pathOf(hash));
      await syncNames(dirname(this.#path));
      return { hash, size: this.#size };
    } catch (error) {
      await this.discard();
      throw diskError(error, dirname(this.#path));
    }
  }

  async discard(): Promise<void> {
    if (!this.#ended) {
      this.#ended = true;
      await this.#flush;
      await this.#file.close();
    }
    await rm(this.#path, { force: true });
  }

  /** Starts a write-back in the background, once enough is written. */
  #flushNow(bytes: number): void {
    this.#unflushed += bytes;
    if (this.#unflushed < FLUSH_EVERY || this.#flush !== undefined) return;
    this.#unflushed = 0;
    this.#flush = this.#file
      .datasync()
      .catch((error: unknown) => {
        this.#failure = error;
      })
      .finally(() => {
        this.#flush = undefined;
      });
  }

  async #prepare(signal?: AbortSignal): Promise<string> {
    await this.#flush;
    if (this.#failure !== undefined) throw this.#failure;
    const hash =
      this.#running === undefined ? await this.#reread(signal) : this.#running.copy().digest('hex');
    await this.#file.datasync();
    this.#prepared = hash;
    return hash;
  }

  async #reread(signal?: AbortSignal): Promise<string> {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(REREAD_CHUNK);
    for (let at = 0; ; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  }
}

function hasEnded(): DeployError {
  return new DeployError('internal', 'the upload has ended');
}
