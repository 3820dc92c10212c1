import { type ChildProcess, spawn } from 'node:child_process';
import { LineSplitter } from './line-splitter.js';
import { endGroup } from './process-group.js';
import { asUser, type RunAs } from './run-as.js';

/** Between TERM and KILL. */
export const KILL_AFTER_MS = 10_000;
/** How long output may still come after the program has ended; a process it left behind may hold the pipe for ever. */
const DRAIN_MS = 500;

export type OnLine = (stream: 'stdout' | 'stderr', line: string) => void;

export interface GroupRun {
  /** Absolute, or a word to look up in the PATH of the environment. */
  readonly program: string;
  readonly args?: readonly string[];
  /** The agent's working directory unless told. */
  readonly cwd?: string;
  /** All of it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Text for standard input, which is empty without. A program may end without reading it. */
  readonly stdin?: string;
  /** Standard input instead of a text: an open file, which stays the caller's to close. */
  readonly stdinFd?: number;
  readonly timeoutMs: number;
  /** Between TERM and KILL; {@link KILL_AFTER_MS} unless told. */
  readonly killAfterMs?: number;
  /** The agent's own user without. */
  readonly as?: RunAs | undefined;
  /** Ends the group like the timeout does. */
  readonly signal?: AbortSignal;
  /** Called once it runs. */
  readonly onStart?: (pid: number) => void;
  readonly onLine: OnLine;
}

/** How a program ended, and whether that was because it was told to. */
export interface GroupEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stopped: 'timeout' | 'abort' | undefined;
}

/**
 * Runs a program to its end in a process group of its own. After the timeout the whole group is ended: TERM, then KILL.
 * Else processes that the program leaves behind live on; their output is passed on while the agent lives.
 * @throws the system's error when it cannot be started.
 */
export async function runInGroup(run: GroupRun): Promise<GroupEnd> {
  const { program, args } = asUser(run.as, { program: run.program, args: run.args ?? [] });
  const child = spawn(program, args, {
    cwd: run.cwd,
    env: run.environment,
    detached: true,
    stdio: [run.stdinFd ?? (run.stdin === undefined ? 'ignore' : 'pipe'), 'pipe', 'pipe'],
  });
  passLines(child, run.onLine);
  if (child.pid !== undefined) run.onStart?.(child.pid);
  giveInput(child, run.stdin);
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const limit = limited(child, run);
  try {
    const end = await ended(child);
    limit.clear();
    await limit.ending(); // the program itself may be gone before what it started
    await drained(child, closed);
    return { ...end, stopped: limit.stopped() };
  } finally {
    limit.clear();
  }
}

/** Passes on what a child prints, line by line. */
export function passLines(child: ChildProcess, onLine: OnLine): void {
  for (const stream of ['stdout', 'stderr'] as const) {
    const splitter = new LineSplitter((line) => onLine(stream, line));
    child[stream]?.on('data', (chunk: Buffer) => splitter.push(chunk));
    child[stream]?.on('end', () => splitter.end());
  }
}

/** What was written may be more than a program reads: EPIPE then, and nobody's fault. */
function giveInput(child: ChildProcess, text: string | undefined): void {
  child.stdin?.on('error', () => child.stdin?.destroy());
  child.stdin?.end(text);
}

interface Limit {
  clear(): void;
  stopped(): GroupEnd['stopped'];
  /** Resolves when nothing of the group is left, or KILL was sent; at once when it was not told to end. */
  ending(): Promise<void>;
}

/** Ends the group after the timeout or on abort, whichever comes first. */
function limited(child: ChildProcess, run: GroupRun): Limit {
  let stopped: GroupEnd['stopped'];
  let ending: Promise<void> = Promise.resolve();
  const stop = (why: 'timeout' | 'abort'): void => {
    if (child.pid === undefined || stopped !== undefined) return;
    stopped = why;
    ending = endGroup(child.pid, run.killAfterMs ?? KILL_AFTER_MS);
  };
  const abort = (): void => stop('abort');
  const timer = setTimeout(() => stop('timeout'), run.timeoutMs);
  run.signal?.addEventListener('abort', abort, { once: true });
  if (run.signal?.aborted === true) abort();
  return {
    clear: () => {
      clearTimeout(timer);
      run.signal?.removeEventListener('abort', abort);
    },
    stopped: () => stopped,
    ending: () => ending,
  };
}

function ended(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/**
 * Waits for what a child wrote before it ended; pipes that somebody still holds do not keep the agent alive.
 * @param closed resolves with the child's `close`.
 */
export async function drained(child: ChildProcess, closed: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DRAIN_MS);
  });
  await Promise.race([closed, enough]);
  clearTimeout(timer);
  child.stdin?.destroy();
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
  }
}
