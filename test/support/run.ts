import { spawn } from 'node:child_process';
import { PATIENCE_MS } from './patience.js';

export interface RunOptions {
  /** Standard input; without it, nothing. */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** After this long the program is killed and the run fails; PATIENCE_MS unless told. */
  readonly timeoutMs?: number;
  /** Ends the program by SIGTERM. */
  readonly signal?: AbortSignal;
}

export interface RunResult {
  /** Exit status; 128 + signal number when a signal ended it, as a shell says. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. @throws when it cannot be started or takes too long. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { input = '', cwd, env = process.env, timeoutMs = PATIENCE_MS } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
      });
    }
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${command} ${args.join(' ')}: not done after ${timeoutMs} ms\n${output.stderr}`));
    }, timeoutMs);
    options.signal?.addEventListener('abort', () => child.kill());
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ status: code ?? (signal === 'SIGKILL' ? 137 : 143), ...output });
    });
    child.stdin.on('error', () => {}); // a program may end without reading its input
    child.stdin.end(input);
  });
}
