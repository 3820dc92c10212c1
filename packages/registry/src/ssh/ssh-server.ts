import { createServer, type Server } from 'node:net';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { excerpt } from '@deploy-tools/shared/printable.js';
import { enablePostQuantumKex } from '@deploy-tools/shared/ssh/key-exchange.js';
import ssh2 from 'ssh2';
import { serverAlgorithms } from './algorithms.js';
import { type ConnectionPolicy, ServedConnection } from './connection.js';
import { Door, type DoorOptions } from './door.js';
import { insideOf } from './floor/ssh2-inside.js';
import { type HostKey, signingKey } from './host-key.js';
import { KeyBudgets, openFileLimit } from './key-budgets.js';
import type { KeyRing } from './key-ring.js';
import type { ConnectionServices } from './session-context.js';

export interface SshServerOptions extends Omit<ConnectionPolicy, 'budgets'>, DoorOptions {
  readonly host: string;
  readonly port: number;
  readonly hostKey: HostKey;
  readonly ring: KeyRing;
  /** Also offers the algorithms of older clients; see algorithms.ts. */
  readonly compatible: boolean;
  readonly maxConnectionsPerKey: number;
  readonly keepaliveMs: number;
}

/** The last part of the grace period, in which clients leave by themselves or are disconnected. */
const MAX_PARTING_MS = 2000;

/** Interval between checks of the memory that connections hold. */
const HELD_BYTES_MS = 250;

/** @throws DeployError locked when the address is taken, invalid when there is no such address. */
export async function startSshServer(
  services: ConnectionServices,
  options: SshServerOptions,
): Promise<SshServer> {
  await enablePostQuantumKex();
  const maxConnections = affordable(options.maxConnections, services.log);
  const server = new SshServer(services, { ...options, maxConnections });
  await server.listen();
  return server;
}

/** The registry's listener and its connections. */
class SshServer {
  readonly #services: ConnectionServices;
  readonly #options: SshServerOptions;
  readonly #door: Door;
  readonly #budgets: KeyBudgets;
  readonly #connections = new Set<ServedConnection>();
  readonly #listener: Server;
  #sweep: NodeJS.Timeout | undefined;

  constructor(services: ConnectionServices, options: SshServerOptions) {
    this.#services = services;
    this.#options = options;
    this.#door = new Door(options, services.log);
    this.#budgets = new KeyBudgets({ ...options, maxOpenFiles: openFileLimit() });
    const ssh = this.#openSsh();
    this.#listener = createServer({ noDelay: true }, (socket) => {
      this.#door.admit(socket, () => ssh.injectSocket(socket));
    });
  }

  /** `host:port` of the listener. */
  get address(): string {
    const address = this.#listener.address();
    if (address === null || typeof address === 'string') return String(address);
    return address.family === 'IPv6'
      ? `[${address.address}]:${address.port}`
      : `${address.address}:${address.port}`;
  }

  async listen(): Promise<void> {
    await listen(this.#listener, this.#options);
    this.#options.ring.onChange(() => {
      for (const connection of this.#connections) connection.recheckKey();
    });
    this.#sweep = setInterval(() => this.#budgets.enforceHeldBytes(this.#connections), HELD_BYTES_MS);
  }

  /** Stops accepting, ends idle connections, lets running work finish for that long, then ends everything. */
  async stop(graceMs: number): Promise<void> {
    this.#door.dropGreetings();
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    const partingMs = Math.min(MAX_PARTING_MS, graceMs / 2);
    await this.#drain(graceMs - partingMs);
    for (const connection of this.#connections) connection.end();
    const cut = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, partingMs / 2);
    await closed;
    clearTimeout(cut);
    clearInterval(this.#sweep);
    this.#door.close();
  }

  /** Resolves when all work is done, at the latest after `ms`. */
  async #drain(ms: number): Promise<void> {
    const idle = Promise.all([...this.#connections].map((connection) => connection.drain()));
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        const connections = this.#connections.size;
        this.#services.log.warn({ connections }, 'grace period is over, ending the running work');
        resolve();
      }, ms);
    });
    await Promise.race([idle, grace]);
    clearTimeout(timer);
  }

  #openSsh(): ssh2.Server {
    const { hostKey, compatible, keepaliveMs } = this.#options;
    const ssh = new ssh2.Server({
      hostKeys: [{ key: signingKey(hostKey.privateKey) }],
      algorithms: serverAlgorithms(compatible),
      ident: 'deploy-registry',
      keepaliveInterval: keepaliveMs,
      keepaliveCountMax: 3,
    } as ssh2.ServerConfig);
    ssh.on('connection', (client, info) => this.#serve(client, info.header.versions.software));
    ssh.on('error', (error: Error) =>
      this.#services.log.warn({ err: excerpt(error.message) }, 'connection failed'),
    );
    return ssh;
  }

  #serve(client: ssh2.Connection, software: string): void {
    client.on('error', () => undefined); // without a listener an error would end the registry
    const socket = insideOf(client)._sock;
    const greeted = this.#door.greet(socket);
    if (greeted === undefined) {
      socket.destroy(); // the peer has left
      return;
    }
    const policy = { ...this.#options, budgets: this.#budgets };
    const connection = new ServedConnection(this.#services, policy, { ...greeted, client, socket, software });
    connection.listen();
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
  }
}

/** The number of connections that the limit of open files allows: half of the limit; the rest is for files. */
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

async function listen(
  listener: Server,
  { host, port }: Pick<SshServerOptions, 'host' | 'port'>,
): Promise<void> {
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
