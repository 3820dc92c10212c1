import { writeSync } from 'node:fs';
import { errnoOf } from './errors.js';

/** Writes bytes at once. @returns how many it took. @throws the system's error. */
export type WriteBytes = (bytes: Uint8Array) => number;

/** Log lines that could not be written. */
export interface LostLines {
  readonly count: number;
  /** The system's words for why the first of them could not. */
  readonly reason: string;
}

export interface LogDestinationOptions {
  /** Standard error by default. */
  readonly write?: WriteBytes | undefined;
  /** What is written of a log line. */
  readonly format: (line: string) => string;
  /** The log line that says how many were lost. */
  readonly lossLine: (lost: LostLines) => string;
  /** Blocks the thread for so many milliseconds; a test does not. */
  readonly wait?: (ms: number) => void;
}

/** How long one line waits for a reader of a pipe that is full. As long as lines are lost, none waits. */
const MAX_WAIT_MS = 1000;
const WAIT_STEP_MS = 10;

/**
 * Where log lines go, each written before `write` returns. A line that cannot be written (the disk is full, the reader is
 * gone or stuck, the terminal has hung up) is dropped and counted, and never an error: the program does not depend on its
 * log. The first line that can be written again comes after one that says how many were lost.
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

  /** What was written of a line that was then lost is ended first, so that it damages no other. */
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

  /** @returns how many bytes were taken: none by a pipe that is full. */
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
