import { type ChildProcess, spawn } from 'node:child_process';
import { letRun, startWaiting } from './launch.js';
import { pipedOutput } from './piped-output.js';
import { endGroup, killGroup } from './process-group.js';
import { requireProgram } from './program-file.js';
import { asUser, type Invocation, type RunAs } from './run-as.js';
import { DRAIN_MS, type OnLine, type OutputPlace, type RunOutput } from './run-output.js';

/** Between TERM and KILL. */
export const KILL_AFTER_MS = 10_000;
/** Between KILL and continuing without the program: KILL does not end another user's process, or one in a kernel call that hangs. */
const ABANDON_AFTER_MS = 5000;

export interface GroupRun {
  /** Absolute, or a word to look up in the PATH of the environment. */
  readonly program: string;
  readonly args?: readonly string[];
  /** By default the agent's. */
  readonly cwd?: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Text for standard input, by default empty. A program may end without reading it. */
  readonly stdin?: string;
  /** An open file as standard input; the caller closes it. */
  readonly stdinFd?: number;
  readonly timeoutMs: number;
  /** Between TERM and KILL; {@link KILL_AFTER_MS} by default. */
  readonly killAfterMs?: number;
  /** Between KILL and continuing without the program; {@link ABANDON_AFTER_MS} by default. */
  readonly abandonAfterMs?: number;
  /** By default the agent's own user. */
  readonly as?: RunAs | undefined;
  /** Ends the group like the timeout does. A program that was not started by then is not started at all. */
  readonly signal?: AbortSignal;
  /** Whether the signal kills the group at once, without waiting for the rest of its output. */
  readonly isKilledOnAbort?: boolean;
  /** Called before the program runs, to record its process id. Must not throw. Not together with `stdinFd`. */
  readonly beforeRun?: (pid: number) => void;
  /** A place for output that outlives this process; by default a pipe that ends with the program. */
  readonly output?: OutputPlace;
  readonly onLine: OnLine;
}

export interface GroupEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stopped: 'timeout' | 'abort' | undefined;
  /** The process id of a stopped program that still runs, since no signal of ours ends it. */
  readonly survivor?: number;
}

/** For messages about a {@link GroupEnd.survivor}. */
export function stillRuns(pid: number): string {
  return `process ${pid} could not be ended and still runs`;
}

/**
 * Runs a program to its end in a process group of its own. After the timeout the whole group gets TERM, then KILL; survivors are
 * not waited for. Without a timeout, processes that the program leaves behind live on, and with `output` their output is read.
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

/** Leaves a program that survives KILL: this process may end before it, and reads no more output. */
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

/** Starts the program, in two steps when its process id is recorded first. */
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

/** Writes standard input. A program that does not read all of it causes EPIPE, which is not an error. */
function giveInput(child: ChildProcess, text: string | undefined): void {
  child.stdin?.on('error', () => child.stdin?.destroy());
  child.stdin?.end(text);
}

interface Limit {
  clear(): void;
  stopped(): GroupEnd['stopped'];
  /** Resolves when the stopped group has ended, or KILL was sent; at once when it was not stopped. */
  ending(): Promise<void>;
  /** Resolves when the program has survived KILL for some time, unless this was cleared before. */
  readonly survivor: Promise<Ended & { readonly survivor: number }>;
}

function limited(child: ChildProcess, run: GroupRun): Limit {
  const { pid } = child;
  let stopped: GroupEnd['stopped'];
  let ending: Promise<void> = Promise.resolve();
  let isCleared = false;
  let abandoning: NodeJS.Timeout | undefined;
  let survived = (_: Ended & { readonly survivor: number }): void => {};
  const survivor: Limit['survivor'] = new Promise((resolve) => {
    survived = resolve;
  });
  const stop = (why: 'timeout' | 'abort'): void => {
    if (pid === undefined || stopped !== undefined) return;
    stopped = why;
    const isKilled = why === 'abort' && run.isKilledOnAbort === true;
    ending = isKilled ? killGroup(pid) : endGroup(pid, run.killAfterMs ?? KILL_AFTER_MS);
    const abandon = (): void => {
      if (isCleared) return;
      const afterMs = run.abandonAfterMs ?? ABANDON_AFTER_MS;
      abandoning = setTimeout(() => survived({ code: null, signal: null, survivor: pid }), afterMs);
    };
    void ending.then(abandon, abandon);
  };
  const abort = (): void => stop('abort');
  const timer = setTimeout(() => stop('timeout'), run.timeoutMs);
  run.signal?.addEventListener('abort', abort, { once: true });
  if (run.signal?.aborted === true) abort();
  return {
    clear: () => {
      isCleared = true;
      clearTimeout(timer);
      clearTimeout(abandoning);
      run.signal?.removeEventListener('abort', abort);
    },
    stopped: () => stopped,
    ending: () => ending,
    survivor,
  };
}

type Ended = Pick<GroupEnd, 'code' | 'signal'>;

function ended(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}
