import { DeployError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Timers } from '../../host/timers.js';
import { LogTail } from '../script/log-tail.js';
import type { OutputPlace } from '../script/run-output.js';
import { CrashWatch } from './crash-watch.js';
import { endEarlierChildren } from './end-earlier-children.js';
import { handedInSockets } from './handed-in-sockets.js';
import { formatListenSpec, parseListenSpec } from './listen-spec.js';
import { openListeners } from './open-listeners.js';
import { type ReleaseProgram, releaseProgram } from './release-program.js';
import type { Launch } from './start-child.js';
import { MIN_UP_MS, type ProgramSettings } from './supervise-flags.js';
import { Supervisor } from './supervisor.js';
import type { SupervisorEvent } from './supervisor-event.js';

export interface ProgramOptions extends ProgramSettings {
  readonly as: Launch['as'];
  readonly output: OutputPlace;
  readonly recordPath: string;
  readonly timers: Timers;
  readonly log: Logger;
  /** Gets a line of the newest program. Must not throw. */
  readonly onLine: (line: string) => void;
  /** Called when `crash` has changed. Must not throw. */
  readonly onCrash: () => void;
}

export interface OpenProgram {
  readonly program: ReleaseProgram;
  /** Undefined while it works. */
  crash(): ProgramCrash | undefined;
  close(): Promise<void>;
}

/** Why the supervised program does not stay up. */
export interface ProgramCrash {
  readonly message: string;
  readonly log: readonly string[];
}

/**
 * Opens the ports of the supervised program, which does not run yet. Ends programs that an agent which was killed left running
 * first.
 * @throws DeployError in-use, denied, invalid, not-found: a port that cannot be opened.
 */
export async function openProgram(options: ProgramOptions): Promise<OpenProgram> {
  const { command, as, output, ports, handoff, stopTimeoutMs, recordPath, timers, log } = options;
  const onFound = (pid: number) => log.warn({ pid }, 'ending the program that an earlier agent left running');
  await endEarlierChildren({ recordPath, stopTimeoutMs, timers, onFound });
  const handedIn = handedInSockets(process.env, process.pid);
  const listeners = await openListeners(ports.map(parseListenSpec), handedIn);
  if (listeners.sockets.length > 0)
    log.info(
      { ports: listeners.sockets.map(({ spec }) => formatListenSpec(spec)) },
      'listening for the program',
    );
  const crashes = new CrashWatch({ timers, onChange: options.onCrash });
  const tail = new LogTail();
  const complaint = { generation: 0 };
  let newest = 0;
  const supervisor = new Supervisor({
    listeners: listeners.sockets,
    handoff,
    recordPath,
    stopTimeoutMs,
    minUpMs: MIN_UP_MS,
    timers,
    onLine: ({ pid, generation, stream, line }) => {
      log.info({ pid, stream }, line);
      newest = Math.max(newest, generation);
      if (isAddressInUse(line)) complaint.generation = generation;
      if (generation < newest) return; // it is draining
      tail.push(line);
      options.onLine(line);
    },
    onEvent: (event) => {
      tell(log, event);
      if (event.kind === 'started' && crashes.crash === undefined) tail.clear();
      if (event.kind === 'ended' && event.generation === newest) {
        // The newest program did not take over: lines of the one in charge count again.
        const charge = supervisor.inCharge?.program?.generation ?? newest;
        if (charge < newest) tail.clear();
        newest = charge;
      }
      crashes.take(event);
    },
  });
  const close = async (): Promise<void> => {
    crashes.close();
    await supervisor.stop();
    await listeners.close();
  };
  const crash = () => {
    const message = crashes.crash;
    return message === undefined ? undefined : { message, log: tail.lines() };
  };
  const explain = (error: unknown) =>
    handoff === 'fd' && complaint.generation === newest ? addressInUse(error) : error;
  return { program: releaseProgram(supervisor, { command, as, output }, explain), crash, close };
}

/** Explains a failure by the port: a program that opens it itself cannot run beside the one that has it. */
function addressInUse(error: unknown): unknown {
  if (!isDeployError(error, 'unhealthy')) return error;
  return new DeployError('unhealthy', `${error.message}: it says that its address is in use`, {
    hint: 'a program that opens its port itself needs -handoff restart, and no -port; else it listens on descriptor 3',
    cause: error,
  });
}

function isAddressInUse(line: string): boolean {
  return /EADDRINUSE|address (is )?already in use/i.test(line);
}

function tell(log: Logger, event: SupervisorEvent): void {
  switch (event.kind) {
    case 'crashed': {
      const { generation, upMs, restartInMs } = event;
      log.error({ generation, upMs: Math.round(upMs), restartInMs }, event.error.message);
      return;
    }
    case 'unrecorded':
      log.warn({ err: event.error.message }, 'which programs run cannot be recorded');
      return;
    default: {
      const { kind, ...rest } = event;
      log.info(rest, `the program: ${kind}`);
    }
  }
}
