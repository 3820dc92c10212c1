import { createServer, type Server, type Socket } from 'node:net';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import ssh2 from 'ssh2';
import type { Registry } from '../core/registry.js';
import { serverAlgorithms } from './algorithms.js';
import { type Connection, type ConnectionPolicy, serveConnection } from './connection.js';
import { ConnectionLimits } from './connection-limits.js';
import type { HostKey } from './host-key.js';
import type { KeyRing } from './key-ring.js';
import { plainAddress } from './peer-address.js';

export interface SshServerOptions extends ConnectionPolicy {
  readonly host: string;
  readonly port: number;
  readonly hostKey: HostKey;
  readonly ring: KeyRing;
  /** Also offers what older clients need; see algorithms.ts. */
  readonly compatible: boolean;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly keepaliveMs: number;
}

export interface SshServer {
  /** `host:port` that is listened on. */
  readonly address: string;
  /** Stops accepting, ends idle connections, lets running work finish for that long, then ends everything. */
  stop(graceMs: number): Promise<void>;
}

/** @throws DeployError locked when the address is taken, invalid when there is no such address. */
export async function startSshServer(registry: Registry, options: SshServerOptions): Promise<SshServer> {
  const { log } = registry;
  const limits = new ConnectionLimits(options.maxConnections, options.maxConnectionsPerAddress);
  const connections = new Set<Connection>();
  /** Accepted, but the peer has not said hello yet; by its address and port. */
  const greeting = new Map<string, Greeting>();
  const ssh = new ssh2.Server({
    hostKeys: [options.hostKey.privateKey],
    algorithms: serverAlgorithms(options.compatible),
    ident: 'deploy-registry',
    keepaliveInterval: options.keepaliveMs,
    keepaliveCountMax: 3,
  } as ssh2.ServerConfig);
  ssh.on('connection', (client, info) => {
    const peer = greeting.get(peerKey(info.ip, info.port));
    if (peer === undefined || peer.socket.destroyed) {
      client.end(); // it left while it said hello
      return;
    }
    const { socket, timer, opened } = peer;
    clearTimeout(timer);
    greeting.delete(peerKey(info.ip, info.port));
    const handshakeMs = Math.max(1, options.handshakeMs - (performance.now() - opened));
    const connection = serveConnection(registry, { ...options, handshakeMs }, client, socket, info);
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
  });
  ssh.on('error', (error: Error) => log.warn({ err: error.message }, 'connection failed'));
  const listener = createServer({ noDelay: true }, (socket) => {
    const address = plainAddress(socket.remoteAddress ?? 'unknown');
    const refused = limits.take(address);
    if (refused !== undefined) {
      log.warn({ address, limit: refused }, 'connection refused: limit reached');
      socket.destroy();
      return;
    }
    const key = peerKey(socket.remoteAddress, socket.remotePort);
    const timer = setTimeout(() => {
      log.warn({ address }, 'connection ended: no SSH greeting in time');
      socket.destroy();
    }, options.handshakeMs);
    greeting.set(key, { socket, timer, opened: performance.now() });
    socket.once('close', () => {
      clearTimeout(timer);
      limits.give(address);
      greeting.delete(key);
    });
    ssh.injectSocket(socket);
  });
  await listen(listener, options.host, options.port);
  options.ring.onChange(() => {
    for (const connection of connections) connection.recheckKey();
  });
  const stopAll = (graceMs: number) => {
    for (const { socket } of greeting.values()) socket.destroy();
    return stop(listener, connections, graceMs, log);
  };
  return { address: addressOf(listener), stop: stopAll };
}

interface Greeting {
  readonly socket: Socket;
  readonly timer: NodeJS.Timeout;
  /** In milliseconds of performance.now(). */
  readonly opened: number;
}

function peerKey(address: string | undefined, port: number | undefined): string {
  return `${address} ${port}`;
}

async function listen(listener: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen({ host, port }, resolve);
    });
  } catch (error) {
    const code = errnoOf(error);
    const where = `${host}:${port}`;
    if (code === 'EADDRINUSE') {
      throw new DeployError('locked', `the address ${where} is taken`, {
        hint: 'another program listens there; choose another -addr',
        cause: error,
      });
    }
    throw new DeployError('invalid', `cannot listen on ${where} (${code ?? String(error)})`, {
      hint: 'check -addr',
      cause: error,
    });
  }
}

function addressOf(listener: Server): string {
  const address = listener.address();
  if (address === null || typeof address === 'string') return String(address);
  return address.family === 'IPv6'
    ? `[${address.address}]:${address.port}`
    : `${address.address}:${address.port}`;
}

async function stop(
  listener: Server,
  connections: ReadonlySet<Connection>,
  graceMs: number,
  log: Logger,
): Promise<void> {
  const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
  const idle = Promise.all([...connections].map((connection) => connection.drain()));
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      log.warn({ connections: connections.size }, 'grace period is over, ending what still runs');
      resolve();
    }, graceMs);
  });
  await Promise.race([idle, grace]);
  clearTimeout(timer);
  for (const connection of connections) connection.end();
  await closed;
}
