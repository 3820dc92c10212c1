import { MAX_TIMER_MS } from '../duration.js';
import { describeError, isMissing } from '../errors.js';
import { type Assignment, systemdNotify } from './systemd-notify.js';

/** Notifications to the service manager; see sd_notify(3). None of them throws or has to be waited for. */
export interface ServiceManager {
  /** The program works, for the first time or again after {@link reloading}; the watchdog is fed from then on. */
  ready(status: string): void;
  /** One line for `systemctl status`. Of many at once only the newest is sent. */
  status(text: string): void;
  reloading(): void;
  /** The watchdog is fed until {@link close}: draining may take its time. */
  stopping(): void;
  /** Resolves when all that was said is sent; nothing is sent after. */
  close(): Promise<void>;
}

export interface ServiceManagerOptions {
  /** NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID and PATH are taken; without the first nothing is ever sent. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of this process. */
  readonly pid: number;
  /** What could not be sent, once in a row. */
  readonly onTrouble: (message: string) => void;
}

/**
 * The service manager that started this program, if one did. Messages are sent one after the other, in their order.
 *
 * The watchdog is fed from the program's event loop, twice in its time: one that hangs is not fed.
 */
export function serviceManager(options: ServiceManagerOptions): ServiceManager {
  const { NOTIFY_SOCKET: socket } = options.environment;
  if (socket === undefined || socket === '') return SILENT;
  const send = sender(socket, options);
  const feedMs = watchdogInterval(options.environment, options.pid);
  let feeding: NodeJS.Timeout | undefined;
  /** Not sent yet; one that comes meanwhile takes its place. */
  let newestStatus: string | undefined;
  const take = (): string => {
    const text = newestStatus ?? '';
    newestStatus = undefined;
    return text;
  };
  return {
    ready: (status) => {
      void send(() => ['READY=1', `STATUS=${oneLine(status)}`]);
      if (feedMs === undefined) return;
      feeding ??= setInterval(() => void send(() => ['WATCHDOG=1']), feedMs).unref();
    },
    status: (text) => {
      if (newestStatus === undefined) void send(() => [`STATUS=${oneLine(take())}`]);
      newestStatus = text;
    },
    reloading: () => void send(() => ['RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`]),
    stopping: () => void send(() => ['STOPPING=1']),
    close: () => {
      clearInterval(feeding);
      return send(() => []);
    },
  };
}

const SILENT: ServiceManager = {
  ready: () => {},
  status: () => {},
  reloading: () => {},
  stopping: () => {},
  close: async () => {},
};

/**
 * How often the watchdog is fed: half of what it allows.
 * @returns milliseconds; undefined when there is no watchdog, or it watches another process.
 */
export function watchdogInterval(
  { WATCHDOG_USEC: micros, WATCHDOG_PID: watched }: ServiceManagerOptions['environment'],
  pid: number,
): number | undefined {
  if (micros === undefined || !/^[1-9]\d{0,14}$/.test(micros)) return undefined;
  if (watched !== undefined && watched !== String(pid)) return undefined;
  return Math.min(Math.max(1, Math.floor(Number(micros) / 2000)), MAX_TIMER_MS);
}

/** The assignments are asked for when it is their turn; without any, nothing is sent. Never rejects. */
type Send = (assignments: () => readonly Assignment[]) => Promise<void>;

function sender(socket: string, { environment, onTrouble }: ServiceManagerOptions): Send {
  let last = Promise.resolve();
  let troubled = false;
  const sendNow = async (assignments: readonly Assignment[]): Promise<void> => {
    if (assignments.length === 0) return;
    try {
      await systemdNotify(socket, environment.PATH, assignments);
      troubled = false;
    } catch (error) {
      if (!troubled) onTrouble(describeTrouble(error));
      troubled = true;
    }
  };
  return (assignments) => {
    last = last.then(() => sendNow(assignments()));
    return last;
  };
}

function describeTrouble(error: unknown): string {
  if (isMissing(error))
    return 'the service manager cannot be notified: there is no systemd-notify (install systemd)';
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return `the service manager cannot be notified: ${stderr || describeError(error)}`;
}

function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').trim();
}
