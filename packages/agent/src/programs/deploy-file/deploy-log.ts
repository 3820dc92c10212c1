import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import { printable } from '@deploy-tools/shared/printable.js';

/** The size up to which the log is kept for the commands at the end; the rest is on standard error only. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * The log of one deployment, on standard error, and in a file without a name for the commands at the end. A full disk does
 * not end a deployment.
 */
export class DeployLog {
  readonly #write: (text: string) => void;
  readonly #maxBytes: number;
  #fd: number | undefined;
  #bytes = 0;

  /** @param write to standard error. */
  constructor(write: (text: string) => void, maxBytes = MAX_BYTES) {
    this.#write = write;
    this.#maxBytes = maxBytes;
    try {
      this.#fd = unnamedFile();
    } catch (error) {
      this.line(`the commands at the end get no log: ${describeError(error)}`);
    }
  }

  readonly line = (text: string): void => {
    const line = `${new Date().toISOString()} ${printable(text)}\n`;
    this.#write(line);
    this.#keep(line);
  };

  /** A new descriptor that reads the log from its beginning; the caller closes it. */
  reader(): number {
    return openSync(this.#fd === undefined ? '/dev/null' : `/proc/self/fd/${this.#fd}`, 'r');
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #keep(line: string): void {
    if (this.#fd === undefined || this.#bytes > this.#maxBytes) return;
    this.#bytes += Buffer.byteLength(line);
    const fits = this.#bytes <= this.#maxBytes;
    try {
      writeSync(this.#fd, fits ? line : `what came after ${formatByteSize(this.#maxBytes)} is not here\n`);
    } catch {
      this.#bytes = this.#maxBytes + 1; // the line is on standard error
    }
  }
}

function unnamedFile(): number {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-agent-log-'));
  try {
    return openSync(join(dir, 'log'), 'wx', 0o600);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
