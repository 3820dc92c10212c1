import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { serveSftp } from '@deploy-tools/registry/sftp/serve-sftp.js';
import type { SftpFiles, TransferCounter } from '@deploy-tools/registry/sftp/sftp-files.js';
import { openTransferMemory } from '@deploy-tools/registry/sftp/transfer-memory.js';
import { Activity } from '@deploy-tools/registry/ssh/activity.js';
import { outboundOf } from '@deploy-tools/registry/ssh/floor/ssh2-inside.js';
import { generateHostKey } from '@deploy-tools/registry/ssh/host-key.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import ssh2, { type ClientChannel } from 'ssh2';

export interface TestSftpServer {
  /** Opens a new session: its raw channel. */
  open(): Promise<ClientChannel>;
  /** Exit statuses of the sessions that have ended, in order. */
  readonly statuses: readonly number[];
  /** Resolves when that many sessions have ended. */
  ended(count: number): Promise<void>;
  /** What would hold up a shutdown: nothing, when no session does anything. */
  readonly activity: Activity;
  /** Breaks the TCP connection, as a cable that is pulled. */
  cut(): void;
  close(): Promise<void>;
}

/** Our SFTP server behind a real SSH connection on a loopback port. */
export async function startSftpServer(
  files: (transfers: TransferCounter) => SftpFiles,
  log: Logger,
): Promise<TestSftpServer> {
  const statuses: number[] = [];
  const activity = new Activity();
  const memory = openTransferMemory();
  const sockets = new Map<number | undefined, Socket>();
  let wake = () => {};
  const ssh = new ssh2.Server({ hostKeys: [generateHostKey()] });
  ssh.on('connection', (connection, info) => {
    const socket = sockets.get(info.port);
    const outbound = socket === undefined ? undefined : outboundOf(connection, socket);
    connection.on('error', () => undefined);
    connection.on('authentication', (context) => context.accept());
    connection.on('session', (accept) => {
      accept().on('subsystem', async (acceptChannel) => {
        if (outbound === undefined) return;
        const channel = acceptChannel();
        channel.on('error', () => undefined);
        statuses.push(
          await serveSftp(channel, files(activity), {
            outbound,
            handles: { take: () => () => {} },
            log,
            transfers: activity,
            memory,
          }),
        );
        wake();
      });
    });
  });
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.set(socket.remotePort, socket);
    ssh.injectSocket(socket);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const client = new ssh2.Client();
  client.on('error', () => undefined);
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  client.connect({ sock: connect({ host: '127.0.0.1', port, noDelay: true }), username: 'x' });
  await once(client, 'ready');
  return {
    statuses,
    activity,
    open: () =>
      new Promise((resolve, reject) => {
        client.subsys('sftp', (error, channel) => (error === undefined ? resolve(channel) : reject(error)));
      }),
    ended: async (count) => {
      while (statuses.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    cut: () => {
      for (const socket of sockets.values()) socket.destroy();
    },
    close: async () => {
      client.end();
      for (const socket of sockets.values()) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
