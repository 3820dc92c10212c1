import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { MAX_TIMER_MS } from '../duration.js';
import { describeError, isMissing } from '../errors.js';

const execute = promisify(execFile);

/** How long systemd-notify may wait until the service manager has read its message. */
const TIMEOUT_MS = 5000;

/** One assignment of sd_notify(3), such as `READY=1`; its value has no newline. */
type Assignment = `${string}=${string}`;

/** Notifications to the service manager; see sd_notify(3). They never throw, and the caller need not wait for them. */
export interface ServiceManager {
  /** Reports that the program works, after its start or after {@link reloading}. Starts the messages to the watchdog. */
  ready(status: string): void;
  /** Sets the line in `systemctl status`. Of several unsent lines, only the newest is sent. */
  status(text: string): void;
  reloading(): void;
  /** Reports that the program stops. Messages to the watchdog go on until {@link close}, as draining may take long. */
  stopping(): void;
  /** Resolves when all messages are sent; no more are sent. */
  close(): Promise<void>;
}

export interface ServiceManagerOptions {
  /** NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID and PATH are used. Without NOTIFY_SOCKET nothing is sent. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The id of this process. */
  readonly pid: number;
  /** Called at the first failure to send, and again at the first one after a success. */
  readonly onTrouble: (message: string) => void;
}

/**
 * Opens the connection to the service manager that started this program, if there is one. Messages are sent one by one, in order.
 * The event loop sends two messages in each interval of the watchdog, so that a hanging program sends none.
 */
export function serviceManager(options: ServiceManagerOptions): ServiceManager {
  const { NOTIFY_SOCKET: socket = '' } = options.environment;
  const send: Send = socket === '' ? async () => {} : sender(socket, options);
  const feedMs = socket === '' ? undefined : watchdogInterval(options.environment, options.pid);
  let feeding: NodeJS.Timeout | undefined;
  /** The unsent status; a newer one replaces it. */
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

/**
 * The interval of messages to the watchdog: half of the allowed one.
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

/** Sends the assignments that the function returns when their turn comes; none sends nothing. Never rejects. */
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

/**
 * Sends assignments to the service manager in one datagram, by systemd-notify(1), which every systemd has: Node.js has no Unix
 * datagram sockets. The message comes from another process, so the unit needs `NotifyAccess=all`.
 * @param socket the value of NOTIFY_SOCKET: a path, an abstract socket or vsock.
 * @throws the system's error.
 */
async function systemdNotify(
  socket: string,
  path: string | undefined,
  assignments: readonly Assignment[],
): Promise<void> {
  await execute('systemd-notify', [...assignments], {
    env: { NOTIFY_SOCKET: socket, ...(path === undefined ? {} : { PATH: path }) },
    timeout: TIMEOUT_MS,
  });
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
