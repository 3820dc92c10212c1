import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import type { Timers } from '../../host/timers.js';
import { letRun, startWaiting } from '../script/launch.js';
import { pipedOutput } from '../script/piped-output.js';
import { endGroup, signalGroup, signalProcess } from '../script/process-group.js';
import { asUser, type RunAs } from '../script/run-as.js';
import type { OnLine, OutputPlace, RunOutput } from '../script/run-output.js';
import { HANDOVER_VARIABLES, handoverEnvironment } from './handover-environment.js';
import type { Listener } from './open-listeners.js';

/** How to run a program: the command line after `--`, in a release. */
export interface Launch {
  /** A path is relative to `cwd`; a word is looked up in PATH. */
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  /** All variables except those for the sockets. */
  readonly environment: Readonly<Record<string, string>>;
  /** By default the agent's own user. */
  readonly as?: RunAs | undefined;
  /** A place for output that outlives the agent; by default a pipe. */
  readonly output?: OutputPlace;
}

export interface ProgramChild {
  /** The process of the program itself, which leads a process group and a session. */
  readonly pid: number;
  /** Counted from 1 over all runs under this agent. */
  readonly generation: number;
  readonly launch: Launch;
  /** Aborted when it has ended, with a DeployError unhealthy that says how. */
  readonly died: AbortSignal;
  /** Resolves when it has ended and its output was read. Never rejects. */
  readonly ended: Promise<void>;
}

interface ChildStart {
  readonly launch: Launch;
  readonly generation: number;
  readonly listeners: readonly Listener[];
  /** Called before the program runs, to record its process id. Must not throw. */
  readonly beforeRun: (pid: number) => void;
  readonly onLine: OnLine;
}

/**
 * Starts a program in a process group of its own, with the listening sockets as its descriptors from 3 on.
 * @throws DeployError unhealthy when it cannot be started. A program that does not exist ends with status 127 instead.
 */
export async function startChild(start: ChildStart): Promise<ProgramChild> {
  const { launch, generation, beforeRun, onLine } = start;
  const opened = launch.output?.open('program', launch.as, onLine) ?? pipedOutput(launch.as, onLine);
  const output = await opened;
  const child = startProcess(start, output);
  if (child.pid === undefined) throw cannotStart(launch, await once(child, 'error'));
  const { pid } = child;
  const { died, ended } = endOf(child, pid, output);
  beforeRun(pid);
  letRun(child);
  return { pid, generation, launch, died, ended };
}

function startProcess(start: ChildStart, output: RunOutput): ChildProcess {
  const { command, cwd, as } = start.launch;
  let child: ChildProcess | undefined;
  try {
    child = startWaiting({
      ...asUser(as, { program: command[0], args: command.slice(1) }),
      cwd,
      environment: environmentOf(start),
      outputs: [...output.stdio, ...start.listeners.map(({ fd }) => fd)],
    });
    return child;
  } finally {
    output.handedOver(child);
  }
}

function environmentOf({ launch, generation, listeners }: ChildStart): Record<string, string> {
  const environment: Record<string, string> = { ...launch.environment };
  for (const name of HANDOVER_VARIABLES) delete environment[name];
  return { ...environment, ...handoverEnvironment(listeners, generation) };
}

function endOf(child: ChildProcess, pid: number, output: RunOutput): Pick<ProgramChild, 'died' | 'ended'> {
  const died = new AbortController();
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      const how = signal === null ? `ended with exit status ${code}` : `was killed by ${signal}`;
      died.abort(
        new DeployError('unhealthy', `the program (process ${pid}) ${how}`, {
          hint: 'its output is in the log',
        }),
      );
      resolve(output.drained());
    });
  });
  return { died: died.signal, ended };
}

function cannotStart(launch: Launch, [error]: readonly unknown[]): DeployError {
  const code = errnoOf(error);
  const reason = code === 'ENOENT' ? `there is no directory ${launch.cwd}` : String(code ?? error);
  return new DeployError('unhealthy', `the program ${launch.command[0]} cannot be started: ${reason}`, {
    cause: error,
  });
}

/**
 * Ends a program: TERM to the program alone, which may have workers to drain; after its end, TERM to the rest of its group; after
 * the timeout, KILL to the whole group.
 * @returns `killed` when the program itself did not end in time.
 */
export async function stopChild(
  child: Pick<ProgramChild, 'pid' | 'died' | 'ended'>,
  stopTimeoutMs: number,
  timers: Timers,
): Promise<'ended' | 'killed'> {
  const end = timers.now() + stopTimeoutMs;
  if (!child.died.aborted) signalProcess(child.pid, 'SIGTERM');
  await timers.sleep(stopTimeoutMs, child.died).catch((error: unknown) => {
    if (!child.died.aborted) throw error;
  });
  const inTime = child.died.aborted;
  if (inTime) await endGroup(child.pid, Math.max(0, end - timers.now()));
  else signalGroup(child.pid, 'SIGKILL');
  await child.ended;
  return inTime ? 'ended' : 'killed';
}
