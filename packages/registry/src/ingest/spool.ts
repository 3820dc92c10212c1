import { openSync, rmSync, writeSync } from 'node:fs';
import { packFrame } from '@deploy-tools/shared/layers/frame.js';

const BUFFER_BYTES = 512 * 1024;

/** The path of a pack's spool, which exists for a moment only. */
export function spoolPath(pack: string): string {
  return `${pack}.spool`;
}

/** Opens a file without a name, which the system removes when the process ends. */
export function openSpool(path: string): number {
  const fd = openSync(path, 'w+', 0o600);
  rmSync(path);
  return fd;
}

/** Writes adjacent frames. One writer at a time. */
export class Spool {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #buffered = 0;
  /** The place of the buffer in the file. */
  #position: number;

  constructor(fd: number, position: number) {
    this.#fd = fd;
    this.#position = position;
  }

  /** The place of the next frame. */
  get end(): number {
    return this.#position + this.#buffered;
  }

  /**
   * Compresses a chunk.
   * @returns the length of its frame, which begins where `end` was and can be read after `flush`.
   */
  append(bytes: Uint8Array): number {
    const frame = packFrame(bytes).bytes;
    if (this.#buffered + frame.length > BUFFER_BYTES) this.flush();
    this.#buffer.set(frame, this.#buffered);
    this.#buffered += frame.length;
    return frame.length;
  }

  flush(): void {
    for (let at = 0; at < this.#buffered; ) {
      at += writeSync(this.#fd, this.#buffer, at, this.#buffered - at, this.#position + at);
    }
    this.#position += this.#buffered;
    this.#buffered = 0;
  }
}
