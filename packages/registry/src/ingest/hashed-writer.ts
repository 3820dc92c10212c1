import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { StoredBlob } from '@deploy-tools/shared/model.js';
import type { StoredChunk } from './layer-entry.js';

const BUFFER_BYTES = 512 * 1024;

/** Writes a file from front to back and hashes it. */
export class HashedWriter {
  readonly #fd: number;
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #buffered = 0;
  #written = 0;
  /** Adjacent frames of one file, to be copied at once. */
  #run: { readonly fd: number; readonly offset: number; readonly length: number } | undefined;

  /** @param path is overwritten. */
  constructor(path: string) {
    this.#fd = openSync(path, 'w', 0o600);
  }

  /** Bytes that were written so far. */
  get size(): number {
    return this.#written + this.#buffered + (this.#run?.length ?? 0);
  }

  write(bytes: Uint8Array): void {
    this.#copyRun();
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + this.#room());
      this.#buffer.set(part, this.#buffered);
      this.#buffered += part.length;
      at += part.length;
    }
  }

  /** Appends a chunk's frame. */
  copy({ fd, offset, packedLength }: StoredChunk): void {
    const run = this.#run;
    if (run !== undefined && run.fd === fd && run.offset + run.length === offset) {
      this.#run = { ...run, length: run.length + packedLength };
      return;
    }
    this.#copyRun();
    this.#run = { fd, offset, length: packedLength };
  }

  /** Makes the content of the file durable. */
  finish(): StoredBlob {
    this.#copyRun();
    this.#flush();
    fsyncSync(this.#fd);
    return { hash: this.#hash.digest('hex'), size: this.#written };
  }

  close(): void {
    closeSync(this.#fd);
  }

  #copyRun(): void {
    if (this.#run === undefined) return;
    const { fd, offset, length } = this.#run;
    this.#run = undefined;
    for (let at = 0; at < length; ) {
      const most = Math.min(length - at, this.#room());
      const read = readSync(fd, this.#buffer, this.#buffered, most, offset + at);
      if (read === 0) throw new DeployError('corrupt', 'an earlier pack was cut off while it was read');
      this.#buffered += read;
      at += read;
    }
  }

  /** Makes room in the buffer. @returns the free bytes. */
  #room(): number {
    if (this.#buffered === BUFFER_BYTES) this.#flush();
    return BUFFER_BYTES - this.#buffered;
  }

  #flush(): void {
    const bytes = this.#buffer.subarray(0, this.#buffered);
    this.#hash.update(bytes);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    this.#written += bytes.length;
    this.#buffered = 0;
  }
}
