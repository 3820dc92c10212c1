import type { Logger } from '@deploy-tools/shared/log.js';
import type { Timers } from '../timers.js';
import { endEarlierChildren } from './end-earlier-children.js';
import { formatListenSpec, parseListenSpec } from './listen-spec.js';
import { openListeners } from './open-listeners.js';
import { type ReleaseProgram, releaseProgram } from './release-program.js';
import type { Launch } from './start-child.js';
import { MIN_UP_MS } from './supervise-flags.js';
import { Supervisor, type SupervisorEvent } from './supervisor.js';

export interface ProgramOptions {
  readonly command: Launch['command'];
  readonly as: Launch['as'];
  /** As `-port` has them. */
  readonly ports: readonly string[];
  readonly stopTimeoutMs: number;
  /** Of programs.json. */
  readonly recordPath: string;
  readonly timers: Timers;
  readonly log: Logger;
}

/**
 * The program that the agent keeps running, with its ports open; it does not run yet. What an agent that was killed has
 * left running is ended first.
 * @throws DeployError in-use, denied, invalid, not-found: a port that cannot be opened.
 */
export async function openProgram(
  options: ProgramOptions,
): Promise<{ readonly program: ReleaseProgram; close(): Promise<void> }> {
  const { command, as, ports, stopTimeoutMs, recordPath, timers, log } = options;
  const onFound = (pid: number) => log.warn({ pid }, 'ending the program that an earlier agent left running');
  await endEarlierChildren({ recordPath, stopTimeoutMs, timers, onFound });
  const listeners = await openListeners(ports.map(parseListenSpec));
  if (listeners.sockets.length > 0)
    log.info(
      { ports: listeners.sockets.map(({ spec }) => formatListenSpec(spec)) },
      'listening for the program',
    );
  const supervisor = new Supervisor({
    listeners: listeners.sockets,
    recordPath,
    stopTimeoutMs,
    minUpMs: MIN_UP_MS,
    timers,
    onLine: ({ pid, stream, line }) => log.info({ pid, stream }, line),
    onEvent: (event) => tell(log, event),
  });
  const close = async (): Promise<void> => {
    await supervisor.stop();
    await listeners.close();
  };
  return { program: releaseProgram(supervisor, command, as), close };
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
