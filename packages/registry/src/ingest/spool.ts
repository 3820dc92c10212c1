import { closeSync, openSync, rmSync, writeSync } from 'node:fs';

const BUFFER_BYTES = 1024 * 1024;

/** A file that is written once, read in any order, and gone with the process: it has no name. */
export class Spool {
  readonly fd: number;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #buffered = 0;
  #written = 0;

  /** @param path of a new file, whose name is free again at once. */
  constructor(path: string) {
    this.fd = openSync(path, 'wx+', 0o600);
    rmSync(path);
  }

  /** @returns where the bytes begin. They can be read after `flush`. */
  append(bytes: Uint8Array): number {
    const offset = this.#written + this.#buffered;
    if (this.#buffered + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) this.#write(bytes);
    else {
      this.#buffer.set(bytes, this.#buffered);
      this.#buffered += bytes.length;
    }
    return offset;
  }

  flush(): void {
    this.#write(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }

  close(): void {
    closeSync(this.fd);
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
    this.#written += bytes.length;
  }
}
