import { type ChildProcess, spawn } from 'node:child_process';
import { PATIENCE_MS } from './patience.js';
import type { Scope } from './scope.js';

/** A program whose standard output a test reads line by line while it runs. */
export interface PrintingProgram {
  readonly child: ChildProcess;
  /** Complete lines so far, without their ends. */
  readonly lines: readonly string[];
  readonly stderr: () => string;
  /** Resolves when there are at least so many lines. @throws when the program ends before, or after 15 s. */
  count(lines: number): Promise<readonly string[]>;
  /** Resolves with the first line that fits, at or after an index. @throws as `count` does. */
  line(fits: (line: string) => boolean, from?: number): Promise<string>;
  /** Resolves with the exit status, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** Starts a program; killed at the end of the scope if it still runs. */
export function startPrinting(
  scope: Scope,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): PrintingProgram {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const waiters = new Set<() => void>();
  const output = { rest: '', stderr: '', over: false };
  const wake = () => {
    for (const waiter of [...waiters]) waiter();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const all = (output.rest + text).split('\n');
    output.rest = all.pop() ?? '';
    lines.push(...all);
    wake();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      output.over = true;
      wake();
      resolve(code ?? signal ?? 'SIGKILL');
    });
  });
  scope.defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const found = <T>(look: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        waiters.delete(again);
        act();
      };
      const fail = (why: string) =>
        settle(() => reject(new Error(`${why}\n${lines.join('\n')}\n${output.stderr}`)));
      const again = () => {
        const value = look();
        if (value !== undefined) settle(() => resolve(value));
        else if (output.over) fail('the program ended');
      };
      const timer = setTimeout(() => fail(`not within ${PATIENCE_MS} ms`), PATIENCE_MS);
      waiters.add(again);
      again();
    });
  return {
    child,
    lines,
    stderr: () => output.stderr,
    count: (count) => found(() => (lines.length >= count ? lines : undefined)),
    line: (fits, from = 0) => found(() => lines.slice(from).find(fits)),
    ended,
  };
}
