import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import ssh2, { type Connection, type ServerChannel, type Session, type SFTPWrapper } from 'ssh2';
import { onTestFinished } from 'vitest';
import type { KeyFile } from './ssh-tools.js';

export interface TestServerOptions {
  readonly hostKeys: readonly KeyFile[];
  readonly clientKeys: readonly KeyFile[];
  /** Exec is refused without it. */
  readonly onExec?: (command: string, channel: ServerChannel) => void;
  /** Subsystem sftp is refused without it. */
  readonly onSftp?: (sftp: SFTPWrapper) => void;
  readonly host?: string;
  /** Ends the connection when a key is offered. */
  readonly hangsUp?: boolean;
}

export interface TestServer {
  readonly port: number;
  /** `127.0.0.1:port`. */
  readonly addr: string;
  /** User names that authenticated, in order. */
  readonly users: readonly string[];
  readonly connections: readonly Connection[];
  close(): Promise<void>;
}

/** A real SSH server on a free port of the loopback, closed when the test is over. */
export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  const users: string[] = [];
  const connections: Connection[] = [];
  const server = new ssh2.Server(
    { hostKeys: options.hostKeys.map((key) => readFileSync(key.path)), ident: 'test-server' },
    (connection) => {
      connections.push(connection);
      connection.on('error', () => undefined); // clients that refuse our key, or vanish
      connection.on('authentication', (context) => {
        if (options.hangsUp === true) return connection.end();
        const known = options.clientKeys.some(
          (key) => context.method === 'publickey' && key.blob.equals(context.key.data),
        );
        if (!known) return context.reject(['publickey']);
        if (context.method === 'publickey' && context.signature !== undefined) users.push(context.username);
        context.accept();
      });
      connection.on('session', (accept) => serveSession(accept(), options));
    },
  );
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      for (const connection of connections) connection.end();
      server.close(() => resolve());
    });
  onTestFinished(close);
  return { port, addr: `${host.includes(':') ? `[${host}]` : host}:${port}`, users, connections, close };
}

function serveSession(session: Session, { onExec, onSftp }: TestServerOptions): void {
  if (onExec !== undefined) session.on('exec', (accept, _reject, info) => onExec(info.command, accept()));
  if (onSftp !== undefined) session.on('sftp', (accept) => onSftp(accept()));
}

/** Answers a command and ends it. */
export function reply(channel: ServerChannel, status: number, stdout = '', stderr = ''): void {
  channel.stderr.write(stderr);
  channel.write(stdout);
  channel.exit(status);
  channel.end();
}
