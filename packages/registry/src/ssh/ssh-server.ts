import { createServer, type Server, type Socket } from 'node:net';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { excerpt } from '@deploy-tools/shared/printable.js';
import { enablePostQuantumKex } from '@deploy-tools/shared/ssh/key-exchange.js';
import ssh2 from 'ssh2';
import type { Registry } from '../core/registry.js';
import { serverAlgorithms } from './algorithms.js';
import { type Connection, type ConnectionPolicy, type Peer, serveConnection } from './connection.js';
import { ConnectionLimits } from './connection-limits.js';
import { ExchangeTurns } from './exchange-turns.js';
import { insideOf } from './floor/ssh2-inside.js';
import { type HostKey, signingKey } from './host-key.js';
import { KeyBudgets, openFileLimit } from './key-budgets.js';
import type { KeyRing } from './key-ring.js';
import { PacedWarnings } from './paced-warnings.js';
import { networkOf, plainAddress } from './peer-address.js';
import { Strangers } from './strangers.js';

export interface SshServerOptions extends Omit<ConnectionPolicy, 'budgets'> {
  readonly host: string;
  readonly port: number;
  readonly hostKey: HostKey;
  readonly ring: KeyRing;
  /** Also offers what older clients need; see algorithms.ts. */
  readonly compatible: boolean;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxConnectionsPerKey: number;
  /** Connections at once that have not authenticated. */
  readonly maxStrangers: number;
  readonly keepaliveMs: number;
}

export interface SshServer {
  /** `host:port` that is listened on. */
  readonly address: string;
  /** Stops accepting, ends idle connections, lets running work finish for that long, then ends everything. */
  stop(graceMs: number): Promise<void>;
}

/** The part of the grace period that is for clients to leave by themselves and for what comes after them. */
const LONGEST_PARTING_MS = 2000;

/** How often it is looked at what connections hold in memory. */
const HELD_BYTES_MS = 250;

/** @throws DeployError locked when the address is taken, invalid when there is no such address. */
export async function startSshServer(registry: Registry, options: SshServerOptions): Promise<SshServer> {
  await enablePostQuantumKex();
  const { log } = registry;
  const maxConnections = affordable(options.maxConnections, log);
  const door = {
    log,
    limits: new ConnectionLimits(maxConnections, options.maxConnectionsPerAddress),
    strangers: new Strangers(Math.min(options.maxStrangers, maxConnections)),
    turns: new ExchangeTurns(),
    warnings: new PacedWarnings(log),
    handshakeMs: options.handshakeMs,
    /** Accepted, but the peer has not said hello yet. */
    greeting: new Map<Socket, Greeting>(),
  };
  const budgets = new KeyBudgets({
    maxConnections,
    maxConnectionsPerKey: options.maxConnectionsPerKey,
    maxChannels: options.maxChannels,
    maxOpenFiles: openFileLimit(),
  });
  const connections = new Set<Connection>();
  const ssh = new ssh2.Server({
    hostKeys: [{ key: signingKey(options.hostKey.privateKey) }],
    algorithms: serverAlgorithms(options.compatible),
    ident: 'deploy-registry',
    keepaliveInterval: options.keepaliveMs,
    keepaliveCountMax: 3,
  } as ssh2.ServerConfig);
  ssh.on('connection', (client, info) => {
    client.on('error', () => undefined); // one that nobody listens to would end the registry
    const socket = insideOf(client)._sock;
    const greeting = door.greeting.get(socket);
    door.greeting.delete(socket);
    if (greeting === undefined || socket.destroyed) {
      socket.destroy(); // it left while it said hello
      return;
    }
    clearTimeout(greeting.timer);
    const handshakeMs = Math.max(1, options.handshakeMs - (performance.now() - greeting.opened));
    const { software } = info.header.versions;
    const peer = { ...greeting.peer, client, socket, software, handshakeMs };
    const connection = serveConnection(registry, { ...options, budgets }, peer);
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
  });
  ssh.on('error', (error: Error) => log.warn({ err: excerpt(error.message) }, 'connection failed'));
  const listener = createServer({ noDelay: true }, (socket) => {
    letIn(door, socket, () => ssh.injectSocket(socket));
  });
  await listen(listener, options.host, options.port);
  options.ring.onChange(() => {
    for (const connection of connections) connection.recheckKey();
  });
  const sweep = setInterval(() => budgets.enforceHeldBytes(connections), HELD_BYTES_MS);
  const stopAll = async (graceMs: number) => {
    for (const socket of [...door.greeting.keys()]) socket.destroy();
    await stop(listener, connections, graceMs, log);
    clearInterval(sweep);
    door.warnings.close();
  };
  return { address: addressOf(listener), stop: stopAll };
}

/** What decides whether a connection that comes in is served at all. */
interface Door {
  readonly log: Logger;
  readonly limits: ConnectionLimits;
  readonly strangers: Strangers;
  readonly turns: ExchangeTurns;
  readonly warnings: PacedWarnings;
  readonly handshakeMs: number;
  readonly greeting: Map<Socket, Greeting>;
}

/** Serves a connection when its turn comes. A stranger makes room for who comes after it, so that strangers cannot hold all places. */
function letIn(door: Door, socket: Socket, serve: () => void): void {
  const { log, limits, strangers, turns, warnings, handshakeMs, greeting } = door;
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) {
    socket.destroy(); // it has left already
    return;
  }
  const address = plainAddress(remoteAddress);
  const network = networkOf(address);
  if (limits.isFull) strangers.dropOne();
  const refused = limits.take(network);
  if (refused !== undefined) {
    warnings.warn({ address, limit: refused }, 'connection refused: limit reached');
    socket.destroy();
    return;
  }
  let hasPlace = true;
  const givePlace = () => {
    if (hasPlace) limits.give(network);
    hasPlace = false;
  };
  const leave = strangers.enter(network, () => {
    givePlace();
    warnings.warn(
      { address },
      'connection dropped before it authenticated: others want its place (-max-startups)',
    );
    socket.destroy();
  });
  const timer = setTimeout(() => {
    log.warn({ address }, 'connection ended: no SSH greeting in time');
    socket.destroy();
  }, handshakeMs);
  let forgetTurn = () => {};
  const takeTurn = (work: () => void) => {
    forgetTurn = turns.take(network, () => {
      forgetTurn = () => {}; // which holds what the work needs
      work();
    });
  };
  const peer = { address, port: remotePort, onAuthenticated: leave, takeTurn };
  greeting.set(socket, { timer, opened: performance.now(), peer });
  socket.once('close', () => {
    clearTimeout(timer);
    forgetTurn();
    leave();
    givePlace();
    greeting.delete(socket);
  });
  socket.on('error', () => undefined); // ssh2 listens from its turn on
  takeTurn(serve);
}

/** Each connection takes a file descriptor, and others are needed for files. */
function affordable(maxConnections: number, log: Logger): number {
  const openFiles = openFileLimit();
  const most = Math.max(1, Math.floor(openFiles / 2));
  if (most >= maxConnections) return maxConnections;
  log.warn(
    { openFiles, connections: most },
    'fewer connections than -max-conns: the limit of open files (ulimit -n, LimitNOFILE=) does not allow more',
  );
  return most;
}

interface Greeting {
  readonly timer: NodeJS.Timeout;
  /** In milliseconds of performance.now(). */
  readonly opened: number;
  readonly peer: Pick<Peer, 'address' | 'port' | 'onAuthenticated' | 'takeTurn'>;
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
  const partingMs = Math.min(LONGEST_PARTING_MS, graceMs / 2);
  const idle = Promise.all([...connections].map((connection) => connection.drain()));
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      log.warn({ connections: connections.size }, 'grace period is over, ending what still runs');
      resolve();
    }, graceMs - partingMs);
  });
  await Promise.race([idle, grace]);
  clearTimeout(timer);
  for (const connection of connections) connection.end();
  const cut = setTimeout(() => {
    for (const connection of connections) connection.destroy();
  }, partingMs / 2);
  await closed;
  clearTimeout(cut);
}
