import { type IPty, spawn } from 'node-pty';
import { PATIENCE_MS } from './patience.js';
import type { Scope } from './scope.js';
import { Screen } from './screen.js';

/** Keys that a test presses. */
export const KEY = {
  up: '\x1b[A',
  down: '\x1b[B',
  right: '\x1b[C',
  left: '\x1b[D',
  home: '\x1b[H',
  end: '\x1b[F',
  enter: '\r',
  tab: '\t',
  backspace: '\x7f',
  /** Ctrl and a letter. */
  ctrl: (letter: string) => String.fromCharCode(letter.toUpperCase().charCodeAt(0) - 64),
} as const;

export interface TerminalOptions {
  readonly columns?: number;
  readonly rows?: number;
}

/** A program on a real pseudo terminal, and what its screen shows. */
export class Terminal {
  readonly screen: Screen;
  /** Resolves with the exit status. */
  readonly ended: Promise<number>;
  readonly #pty: IPty;
  readonly #waiters = new Set<() => void>();
  #over = false;

  constructor(scope: Scope, command: string, args: readonly string[], options: TerminalOptions = {}) {
    const { columns = 80, rows = 24 } = options;
    this.screen = new Screen(columns);
    this.#pty = spawn(command, [...args], { name: 'xterm', cols: columns, rows });
    this.#pty.onData((text) => {
      this.screen.write(text);
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode }) => {
        this.#over = true;
        resolve(exitCode);
        this.#wake();
      });
    });
    scope.defer(async () => {
      if (!this.#over) this.#pty.kill('SIGKILL');
      await this.ended;
    });
  }

  press(...keys: readonly string[]): void {
    this.#pty.write(keys.join(''));
  }

  resize(columns: number, rows: number): void {
    this.screen.resize(columns);
    this.#pty.resize(columns, rows);
  }

  /** Waits until the row of the cursor reads so. */
  line(expected: string, timeoutMs?: number): Promise<void> {
    return this.until(
      `line ${JSON.stringify(expected)}`,
      () => this.currentLine() === expected.trimEnd(),
      timeoutMs,
    );
  }

  /** Presses Enter and waits for the prompt after the answer. @returns the rows in between. */
  async enter(prompt = '> '): Promise<string[]> {
    const from = this.screen.cursor.row;
    this.press(KEY.enter);
    await this.until('the next prompt', () => {
      const { row, column } = this.screen.cursor;
      return row > from && column === prompt.length && this.currentLine() === prompt.trimEnd();
    });
    return this.screen.rows.slice(from + 1, this.screen.cursor.row);
  }

  /** Types a line, waits for its answer. */
  async run(line: string): Promise<string[]> {
    this.press(line);
    return this.enter();
  }

  currentLine(): string {
    return this.screen.rows[this.screen.cursor.row] ?? '';
  }

  /** Waits until the screen is as wanted. @throws with the screen when it does not become so. */
  async until(what: string, holds: () => boolean, timeoutMs = PATIENCE_MS): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!holds()) {
      const left = end - performance.now();
      if (this.#over || left <= 0) {
        const { row, column } = this.screen.cursor;
        throw new Error(`${what}: not shown\n${this.screen.rows.join('\n')}\n(cursor ${row}:${column})`);
      }
      await this.#change(left);
    }
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
