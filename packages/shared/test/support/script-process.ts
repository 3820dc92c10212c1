import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

/** A Node.js process that runs a module text and talks in lines. */
export interface ScriptProcess {
  readonly pid: number;
  /** The next line of its standard output. @throws Error with what it said on standard error when there is none. */
  line(): Promise<string>;
  /** Ends it as a crash does, and waits for that. */
  kill(): Promise<void>;
}

/** Starts a module, given as text, in a process of its own; it can import what the tests can. */
export function startScript(script: string, ...args: string[]): ScriptProcess {
  return start(process.execPath, ['--input-type=module', '-e', script, ...args]);
}

/**
 * As {@link startScript}, and no file that it writes can grow beyond a number of KiB: what a full disk or a quota does,
 * without needing either.
 */
export function startScriptWithFileLimit(kib: number, script: string, ...args: string[]): ScriptProcess {
  const limited = `process.on('SIGXFSZ', () => {});\n${script}`; // the signal would end it before the error is seen
  const shell = `ulimit -f ${kib * 2}; exec "$0" "$@"`;
  return start('/bin/sh', ['-c', shell, process.execPath, '--input-type=module', '-e', limited, ...args]);
}

function start(program: string, args: readonly string[]): ScriptProcess {
  const child: ChildProcess = spawn(program, args, {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(kill);
  return {
    pid: child.pid ?? 0,
    line: async () => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`the process ended: ${errors}`);
      return String(value);
    },
    kill,
  };
}
