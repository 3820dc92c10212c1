import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemTimers } from '@deploy-tools/agent/host/timers.js';
import { parseListenSpec } from '@deploy-tools/agent/process/supervise/listen-spec.js';
import { type Listener, openListeners } from '@deploy-tools/agent/process/supervise/open-listeners.js';
import type { Launch } from '@deploy-tools/agent/process/supervise/start-child.js';
import { Supervisor, type SupervisorOptions } from '@deploy-tools/agent/process/supervise/supervisor.js';
import type { ProgramLine, SupervisorEvent } from '@deploy-tools/agent/process/supervise/supervisor-event.js';
import type { Scope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { until } from '../../../../../test/support/until.js';

const SERVER = join(import.meta.dirname, 'http-server.mjs');

/** A supervisor with what it said. */
export interface Supervised {
  readonly supervisor: Supervisor;
  readonly port: number;
  readonly listeners: readonly Listener[];
  readonly recordPath: string;
  readonly dir: string;
  readonly lines: ProgramLine[];
  readonly events: SupervisorEvent[];
  /** Waits for an event, also one that was already. */
  event(kind: SupervisorEvent['kind'], count?: number): Promise<SupervisorEvent>;
  line(text: string, count?: number): Promise<ProgramLine>;
}

/** A supervisor in a directory of its own, stopped at the end of the scope. */
export async function supervised(
  scope: Scope,
  options: Partial<SupervisorOptions> = {},
  ports: readonly string[] = ['127.0.0.1:0'],
): Promise<Supervised> {
  const dir = tempDir(scope);
  const opened = await openListeners(ports.map(parseListenSpec));
  scope.defer(() => opened.close());
  const lines: ProgramLine[] = [];
  const events: SupervisorEvent[] = [];
  const recordPath = join(dir, 'programs.json');
  const supervisor = new Supervisor({
    listeners: opened.sockets,
    recordPath,
    stopTimeoutMs: 10_000,
    minUpMs: 50,
    timers: systemTimers,
    onLine: (line) => lines.push(line),
    onEvent: (event) => events.push(event),
    ...options,
  });
  scope.defer(() => supervisor.stop());
  return {
    supervisor,
    port: opened.sockets[0]?.port ?? 0,
    listeners: opened.sockets,
    recordPath,
    dir,
    lines,
    events,
    event: async (kind, count = 1) => {
      const found = () => events.filter((event) => event.kind === kind)[count - 1];
      await until(`event ${kind} ${count}`, () => found() !== undefined);
      return found() as SupervisorEvent;
    },
    line: async (text, count = 1) => {
      const found = () => lines.filter(({ line }) => line === text)[count - 1];
      await until(`line ${text} ${count}`, () => found() !== undefined);
      return found() as ProgramLine;
    },
  };
}

/** The HTTP server of these tests as a release. */
export function serverLaunch(version: string, environment: Readonly<Record<string, string>> = {}): Launch {
  return {
    command: [process.execPath, SERVER],
    cwd: '/',
    environment: { PATH: process.env.PATH ?? '', VERSION: version, ...environment },
  };
}

/** A command line of /bin/sh as a release. */
export function shellLaunch(command: string, cwd = '/'): Launch {
  return { command: ['/bin/sh', '-c', command], cwd, environment: { PATH: process.env.PATH ?? '' } };
}

/** Not a zombie either. */
export function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
