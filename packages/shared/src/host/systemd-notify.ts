import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** systemd-notify waits until the manager has read what it sent; one that does not read is not waited for longer. */
const TIMEOUT_MS = 5000;

/** One assignment of sd_notify(3), such as `READY=1`; the value without newlines. */
export type Assignment = `${string}=${string}`;

/**
 * Sends assignments to the service manager, all in one datagram, by systemd-notify(1): Node.js has no datagram
 * sockets of the Unix kind, and the program comes with every systemd. It knows paths, abstract sockets and vsock.
 *
 * The message comes from another process than the program's: the unit has to say `NotifyAccess=all`.
 * @param socket as NOTIFY_SOCKET has it.
 * @throws the system's error.
 */
export async function systemdNotify(
  socket: string,
  path: string | undefined,
  assignments: readonly Assignment[],
): Promise<void> {
  await execute('systemd-notify', [...assignments], {
    env: { NOTIFY_SOCKET: socket, ...(path === undefined ? {} : { PATH: path }) },
    timeout: TIMEOUT_MS,
  });
}
