import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import { LineSplitter } from './line-splitter.js';
import { endGroup } from './process-group.js';

/** Between TERM and KILL. */
export const KILL_AFTER_MS = 10_000;
/** How long output may still come after the script has ended; a process it left behind may hold the pipe for ever. */
const DRAIN_MS = 500;

export interface ScriptRun {
  /** Absolute, or a word to look up in PATH. */
  readonly script: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Between TERM and KILL; {@link KILL_AFTER_MS} unless told. */
  readonly killAfterMs?: number;
  /** Called once it runs. */
  readonly onStart?: (pid: number) => void;
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void;
}

/**
 * Runs a script to its end in a process group of its own, standard input empty. After the timeout the whole group is
 * ended: TERM, then KILL. Else processes that the script leaves behind live on; their output is passed on while the agent
 * lives.
 * @throws DeployError script when it cannot be started, fails, is killed or takes too long.
 */
export async function runScript(run: ScriptRun): Promise<void> {
  const child = spawn(run.script, [], {
    env: run.environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  passLines(child, run.onLine);
  if (child.pid !== undefined) run.onStart?.(child.pid);
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let ending: Promise<void> | undefined;
  const timer = setTimeout(() => {
    if (child.pid !== undefined) ending = endGroup(child.pid, run.killAfterMs ?? KILL_AFTER_MS);
  }, run.timeoutMs);
  try {
    const { code, signal } = await ended(child);
    clearTimeout(timer);
    await ending; // the script itself may be gone before what it started
    await drained(child, closed);
    if (ending !== undefined) {
      throw failure(run.script, `did not end within ${formatDuration(run.timeoutMs)} and was stopped`);
    }
    if (signal !== null) throw failure(run.script, `was killed by ${signal}`);
    if (code !== 0) throw failure(run.script, `failed with exit status ${code}`);
  } catch (error) {
    throw error instanceof DeployError ? error : cannotStart(run.script, error);
  } finally {
    clearTimeout(timer);
  }
}

function passLines(child: ChildProcess, onLine: ScriptRun['onLine']): void {
  for (const stream of ['stdout', 'stderr'] as const) {
    const splitter = new LineSplitter((line) => onLine(stream, line));
    child[stream]?.on('data', (chunk: Buffer) => splitter.push(chunk));
    child[stream]?.on('end', () => splitter.end());
  }
}

function ended(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** Waits for what the script wrote before it ended; pipes that somebody still holds do not keep the agent alive. */
async function drained(child: ChildProcess, closed: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DRAIN_MS);
  });
  await Promise.race([closed, enough]);
  clearTimeout(timer);
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
  }
}

function failure(script: string, what: string): DeployError {
  return new DeployError('script', `the script ${script} ${what}`, {
    hint: 'its output is in the log above',
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'is not executable',
};

function cannotStart(script: string, error: unknown): DeployError {
  const code = errnoOf(error);
  const reason = REASONS[code ?? ''] ?? `cannot be started (${code ?? String(error)})`;
  const what = code === 'ENOENT' && existsSync(script) ? 'names an interpreter that does not exist' : reason;
  return new DeployError('script', `the script ${script} ${what}`, {
    hint: 'check -script, its permissions and its first line',
    cause: error,
  });
}
