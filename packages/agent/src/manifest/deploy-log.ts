import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { describeError } from '@deploy-tools/shared/errors.js';

/** What the commands at the end get to read; the rest is on standard error only. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * The log of one deployment: for people, on standard error, and once more in a file that has no name, for the commands
 * at the end. A disk that is full does not end a deployment.
 */
export class DeployLog {
  readonly #write: (text: string) => void;
  readonly #now: () => Date;
  #fd: number | undefined;
  #bytes = 0;

  /** @param write to standard error. */
  constructor(write: (text: string) => void, now: () => Date = () => new Date()) {
    this.#write = write;
    this.#now = now;
    try {
      this.#fd = unnamedFile();
    } catch (error) {
      this.line(`the commands at the end get no log: ${describeError(error)}`);
    }
  }

  line(text: string): void {
    const line = `${this.#now().toISOString()} ${text}\n`;
    this.#write(line);
    this.#keep(line);
  }

  /** A file descriptor to read all of it from its beginning, whoever else does so; the caller's to close. */
  reader(): number {
    return openSync(this.#fd === undefined ? '/dev/null' : `/proc/self/fd/${this.#fd}`, 'r');
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #keep(line: string): void {
    if (this.#fd === undefined || this.#bytes > MAX_BYTES) return;
    const bytes = Buffer.from(line);
    this.#bytes += bytes.length;
    const last = `what came after ${formatByteSize(MAX_BYTES)} is not here\n`;
    try {
      writeSync(this.#fd, this.#bytes > MAX_BYTES ? Buffer.from(last) : bytes);
    } catch {
      this.#bytes = MAX_BYTES + 1; // the line is on standard error
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
