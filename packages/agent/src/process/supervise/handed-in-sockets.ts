import { readFileSync, readlinkSync } from 'node:fs';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { parseTcpTable, TCP_TABLES } from '../../host/tcp-table.js';
import { FIRST_FD, type ListenSpec, parseListenSpec } from './listen-spec.js';

/** A listening socket that the service manager opened for this process, and keeps open when it ends. */
export interface HandedIn {
  readonly fd: number;
  readonly port: number;
}

/**
 * The sockets of sd_listen_fds(3): LISTEN_FDS descriptors from 3 on, when LISTEN_PID is this process.
 * @throws DeployError unsupported for a descriptor that is no listening TCP socket.
 */
export function handedInSockets(
  { LISTEN_PID, LISTEN_FDS }: Readonly<Record<string, string | undefined>>,
  pid: number,
): HandedIn[] {
  const count = LISTEN_PID === String(pid) ? Number(LISTEN_FDS) : 0;
  if (!(count > 0)) return [];
  const listening = TCP_TABLES.flatMap((table) => parseTcpTable(readFileSync(table, 'latin1'))).filter(
    ({ isListening }) => isListening,
  );
  return Array.from({ length: count }, (_, index) => {
    const fd = FIRST_FD + index;
    const link = readlinkSync(`/proc/self/fd/${fd}`);
    const socket = listening.find(({ inode }) => link === `socket:[${inode}]`);
    if (socket === undefined)
      throw new DeployError(
        'unsupported',
        `descriptor ${fd}, which LISTEN_FDS names, is no listening TCP socket`,
        {
          hint: 'see ListenStream= of the socket unit: it takes a port, or ADDRESS:PORT',
        },
      );
    return { fd, port: Number.parseInt(socket.local.split(':')[1] ?? '', 16) };
  });
}

/**
 * The socket for each port; undefined where there is none. Addresses are not compared: several sockets of a port are taken in their
 * order, and a single one may serve several addresses.
 */
export function socketsFor(
  specs: readonly Pick<ListenSpec, 'port'>[],
  handedIn: readonly HandedIn[],
): (HandedIn | undefined)[] {
  const free = [...handedIn];
  return specs.map(({ port }) => {
    const at = free.findIndex((each) => each.port === port);
    const [own] = at < 0 ? [] : free.splice(at, 1);
    return own ?? handedIn.find((each) => each.port === port);
  });
}

/** Warns of sockets of the service manager that no `-port` is for. @param ports values of that flag. */
export function warnOfIdlePorts(
  ports: readonly string[],
  log: Pick<Logger, 'warn'>,
  handedIn: readonly HandedIn[] = handedInSockets(process.env, process.pid),
): void {
  const taken = socketsFor(ports.map(parseListenSpec), handedIn);
  for (const { fd, port } of handedIn)
    if (!taken.some((each) => each?.fd === fd))
      log.warn(
        { port },
        'no -port is for this socket of the service manager: connections to it wait for ever',
      );
}
