import { type ChildProcess, spawn } from 'node:child_process';
import { letRun, startWaiting } from './launch.js';
import { pipedOutput } from './piped-output.js';
import { endGroup, killGroup } from './process-group.js';
import { requireProgram } from './require-program.js';
import { asUser, type Invocation, type RunAs } from './run-as.js';
import { DRAIN_MS, type OnLine, type OutputPlace, type RunOutput } from './run-output.js';

/** Between TERM and KILL. */
export const KILL_AFTER_MS = 10_000;
/** Between KILL and going on without the program: another user's process, or a call of the kernel that hangs, does not end by it. */
const ABANDON_AFTER_MS = 5000;

export interface GroupRun {
  /** Absolute, or a word to look up in the PATH of the environment. */
  readonly program: string;
  readonly args?: readonly string[];
  /** The agent's working directory by default. */
  readonly cwd?: string;
  /** All of it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Text for standard input, which is empty without. A program may end without reading it. */
  readonly stdin?: string;
  /** Standard input instead of a text: an open file, which stays the caller's to close. */
  readonly stdinFd?: number;
  readonly timeoutMs: number;
  /** Between TERM and KILL; {@link KILL_AFTER_MS} by default. */
  readonly killAfterMs?: number;
  /** Between KILL and continuing without a program that it does not end; {@link ABANDON_AFTER_MS} by default. */
  readonly abandonAfterMs?: number;
  /** The agent's own user without. */
  readonly as?: RunAs | undefined;
  /** Ends the group like the timeout does. A program that was not started by then is not started at all. */
  readonly signal?: AbortSignal;
  /** The signal kills the group at once, and what is still to be read of its output is not waited for. */
  readonly isKilledOnAbort?: boolean;
  /**
   * Called with the process id before the program runs: what has to be written down is written by then. Must not throw.
   * Not together with `stdinFd`.
   */
  readonly beforeRun?: (pid: number) => void;
  /** Where it prints to when that is to outlive this process; a pipe that ends with the program without. */
  readonly output?: OutputPlace;
  readonly onLine: OnLine;
}

/** How a program ended, and whether it was stopped. */
export interface GroupEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stopped: 'timeout' | 'abort' | undefined;
  /** The process id of a program that was stopped and runs still: no signal that we may send ends it. */
  readonly survivor?: number;
}

/** For messages about a {@link GroupEnd.survivor}. */
export function stillRuns(pid: number): string {
  return `process ${pid} could not be ended and still runs`;
}

/**
 * Runs a program to its end in a process group of its own. After the timeout the whole group is ended: TERM, then KILL. What
 * survives that is not waited for.
 * Else processes that the program leaves behind live on; their output is passed on, while the agent lives, when it
 * has a place.
 * @throws the system's error when it cannot be started.
 */
export async function runInGroup(run: GroupRun): Promise<GroupEnd> {
  if (run.beforeRun !== undefined && run.as === undefined)
    requireProgram(run.program, run.environment, run.cwd);
  const opened = run.output?.open('script', run.as, run.onLine) ?? pipedOutput(run.as, run.onLine);
  const output = await opened;
  if (run.signal?.aborted === true) return await notStarted(output);
  const child = start(run, output);
  const limit = limited(child, run);
  try {
    const end = await Promise.race([ended(child), limit.survivor]);
    limit.clear();
    if ('survivor' in end) return await abandoned(child, output, { ...end, stopped: limit.stopped() });
    await limit.ending(); // the program itself may be gone before what it started
    const isOfUse = limit.stopped() !== 'abort' || run.isKilledOnAbort !== true;
    await output.drained(isOfUse ? DRAIN_MS : 0);
    child.stdin?.destroy();
    return { ...end, stopped: limit.stopped() };
  } finally {
    limit.clear();
  }
}

/** It neither keeps this process running nor is read any more. */
async function abandoned(child: ChildProcess, output: RunOutput, end: GroupEnd): Promise<GroupEnd> {
  child.unref();
  await output.drained(0);
  child.stdin?.destroy();
  return end;
}

async function notStarted(output: RunOutput): Promise<GroupEnd> {
  output.handedOver(undefined);
  await output.drained(0);
  return { code: null, signal: null, stopped: 'abort' };
}

/** What is to be written down before it runs is started in two steps. */
function start(run: GroupRun, output: RunOutput): ChildProcess {
  const { cwd, environment, stdin, beforeRun } = run;
  const invocation = asUser(run.as, { program: run.program, args: run.args ?? [] });
  let child: ChildProcess | undefined;
  try {
    if (beforeRun === undefined) child = startAtOnce(run, invocation, output);
    else child = startWaiting({ ...invocation, cwd, environment, stdin, outputs: output.stdio });
  } finally {
    output.handedOver(child);
  }
  if (beforeRun === undefined) giveInput(child, stdin);
  else if (child.pid !== undefined) {
    beforeRun(child.pid);
    letRun(child, stdin);
  }
  return child;
}

function startAtOnce(run: GroupRun, { program, args }: Invocation, { stdio }: RunOutput): ChildProcess {
  return spawn(program, args, {
    cwd: run.cwd,
    env: run.environment,
    detached: true,
    stdio: [run.stdinFd ?? (run.stdin === undefined ? 'ignore' : 'pipe'), ...stdio],
  });
}

/** What was written may be more than a program reads: EPIPE then, and nobody's fault. */
function giveInput(child: ChildProcess, text: string | undefined): void {
  child.stdin?.on('error', () => child.stdin?.destroy());
  child.stdin?.end(text);
}

interface Limit {
  clear(): void;
  stopped(): GroupEnd['stopped'];
  /** Resolves when nothing of the group is left, or KILL was sent; at once when it was not stopped. */
  ending(): Promise<void>;
  /** Resolves when the program was killed and some time has passed, unless this was cleared by then. */
  readonly survivor: Promise<Ended & { readonly survivor: number }>;
}

/** Ends the group after the timeout or on abort, whichever comes first. */
function limited(child: ChildProcess, run: GroupRun): Limit {
  let stopped: GroupEnd['stopped'];
  let ending: Promise<void> = Promise.resolve();
  const abandon = abandonment(child, run.abandonAfterMs ?? ABANDON_AFTER_MS);
  const stop = (why: 'timeout' | 'abort'): void => {
    if (child.pid === undefined || stopped !== undefined) return;
    stopped = why;
    const isKilled = why === 'abort' && run.isKilledOnAbort === true;
    ending = isKilled ? killGroup(child.pid) : endGroup(child.pid, run.killAfterMs ?? KILL_AFTER_MS);
    void ending.then(abandon.begin, abandon.begin);
  };
  const abort = (): void => stop('abort');
  const timer = setTimeout(() => stop('timeout'), run.timeoutMs);
  run.signal?.addEventListener('abort', abort, { once: true });
  if (run.signal?.aborted === true) abort();
  return {
    clear: () => {
      clearTimeout(timer);
      abandon.clear();
      run.signal?.removeEventListener('abort', abort);
    },
    stopped: () => stopped,
    ending: () => ending,
    survivor: abandon.survivor,
  };
}

interface Abandonment extends Pick<Limit, 'survivor'> {
  /** The program was killed. */
  begin(): void;
  clear(): void;
}

function abandonment({ pid }: ChildProcess, afterMs: number): Abandonment {
  let timer: NodeJS.Timeout | undefined;
  let isCleared = false;
  let survived = (): void => {};
  const survivor: Limit['survivor'] = new Promise((resolve) => {
    survived = () => pid !== undefined && resolve({ code: null, signal: null, survivor: pid });
  });
  return {
    survivor,
    begin: () => {
      if (!isCleared) timer = setTimeout(survived, afterMs);
    },
    clear: () => {
      isCleared = true;
      clearTimeout(timer);
    },
  };
}

type Ended = Pick<GroupEnd, 'code' | 'signal'>;

function ended(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}
