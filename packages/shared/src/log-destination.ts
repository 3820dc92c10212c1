import { writeSync } from 'node:fs';
import { errnoOf } from './errors.js';

/** Writes bytes at once. @returns how many it took. @throws the system's error. */
export type WriteBytes = (bytes: Uint8Array) => number;

/** Log lines that could not be written. */
export interface LostLines {
  readonly count: number;
  /** The system's error for the first of them. */
  readonly reason: string;
}

export interface LogDestinationOptions {
  /** Standard error by default. */
  readonly write?: WriteBytes | undefined;
  /** Formats a log line. */
  readonly format: (line: string) => string;
  /** Makes the log line about lost lines. */
  readonly lossLine: (lost: LostLines) => string;
  /** Blocks the thread for this many milliseconds; tests pass another function. */
  readonly wait?: (ms: number) => void;
}

/** How long a line waits for the reader of a full pipe. After a lost line, further lines do not wait. */
const MAX_WAIT_MS = 1000;
const WAIT_STEP_MS = 10;

/**
 * Writes log lines, each before `write` returns. A line that cannot be written (full disk, stuck or missing reader, closed terminal)
 * is dropped and counted, without an error: the program does not depend on its log. A line with the number of lost lines precedes
 * the next one that can be written.
 */
export class LogDestination {
  readonly #options: LogDestinationOptions;
  readonly #write: WriteBytes;
  readonly #wait: (ms: number) => void;
  #lost: LostLines | undefined;
  #isLineOpen = false;

  constructor(options: LogDestinationOptions) {
    this.#options = options;
    this.#write = options.write ?? ((bytes) => writeSync(2, bytes));
    this.#wait = options.wait ?? blockThread;
  }

  write(line: string): void {
    const { format, lossLine } = this.#options;
    try {
      if (this.#lost !== undefined) {
        this.#writeAll(format(lossLine(this.#lost)), 0);
        this.#lost = undefined;
      }
      this.#writeAll(format(line), MAX_WAIT_MS);
    } catch (error) {
      const { count, reason } = this.#lost ?? { count: 0, reason: (error as Error).message };
      this.#lost = { count: count + 1, reason };
    }
  }

  /** Writes a text. After a partly written line, it begins with a newline. */
  #writeAll(text: string, maxWaitMs: number): void {
    let rest: Uint8Array = Buffer.from(this.#isLineOpen ? `\n${text}` : text);
    let waitedMs = 0;
    while (rest.length > 0) {
      const taken = this.#tryWrite(rest);
      if (taken > 0) {
        this.#isLineOpen = rest[taken - 1] !== NEWLINE;
        rest = rest.subarray(taken);
      } else {
        if (waitedMs >= maxWaitMs) throw new Error('nobody reads it');
        this.#wait(WAIT_STEP_MS);
        waitedMs += WAIT_STEP_MS;
      }
    }
  }

  /** @returns the number of written bytes; 0 for a full pipe. */
  #tryWrite(bytes: Uint8Array): number {
    try {
      return this.#write(bytes);
    } catch (error) {
      if (errnoOf(error) === 'EAGAIN') return 0;
      throw error;
    }
  }
}

const NEWLINE = 0x0a;

function blockThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
