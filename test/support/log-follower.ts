import type { Readable } from 'node:stream';
import { PATIENCE_MS } from './patience.js';

/** One JSON line of a program's log. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

type Wanted = string | ((line: LogLine) => boolean);

/** Collects a program's log from its standard error and lets a test wait for a line. */
export class LogFollower {
  readonly lines: LogLine[] = [];
  /** What was not JSON: a sentence on why a program did not start, or a warning that must not be there. */
  readonly plain: string[] = [];
  readonly #waiters = new Set<() => void>();
  #rest = '';
  #ended = false;

  constructor(stream: Readable) {
    stream.setEncoding('utf8').on('data', (text: string) => this.#push(text));
    stream.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /**
   * The first line that fits, already written or yet to come.
   * @param wanted a message, or a condition.
   * @throws after `timeoutMs`, or when the program ends before.
   */
  async line(wanted: Wanted, timeoutMs = PATIENCE_MS): Promise<LogLine> {
    return this.lineAfter(0, wanted, timeoutMs);
  }

  /** The same among the lines from an index on, such as an earlier `lines.length`. */
  async lineAfter(index: number, wanted: Wanted, timeoutMs = PATIENCE_MS): Promise<LogLine> {
    const fits = typeof wanted === 'string' ? (line: LogLine) => line.msg === wanted : wanted;
    const end = performance.now() + timeoutMs;
    for (;;) {
      const found = this.lines.slice(index).find(fits);
      if (found !== undefined) return found;
      const left = end - performance.now();
      if (this.#ended || left <= 0) {
        const why = this.#ended ? 'the log ended' : `not within ${timeoutMs} ms`;
        throw new Error(`${why}: log line ${String(wanted)}\n${this.text()}`);
      }
      await this.#change(left);
    }
  }

  /** Everything, for messages. */
  text(): string {
    return [...this.plain, ...this.lines.map((line) => JSON.stringify(line))].join('\n');
  }

  #push(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const parsed = parseLine(line);
      if (parsed === undefined) this.plain.push(line);
      else this.lines.push(parsed);
    }
    this.#wake();
  }

  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#waiters.add(done);
    });
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}

function parseLine(line: string): LogLine | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null && 'msg' in parsed ? (parsed as LogLine) : undefined;
  } catch {
    return undefined;
  }
}
