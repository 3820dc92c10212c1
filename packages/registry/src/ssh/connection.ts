import type { Socket } from 'node:net';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { ClientInfo, Connection as SshClient } from 'ssh2';
import type { Principal } from '../core/principal.js';
import type { Registry } from '../core/registry.js';
import type { TransferMemory } from '../sftp/transfer-memory.js';
import { Activity } from './activity.js';
import { judge } from './authenticate.js';
import type { KeyRing } from './key-ring.js';
import { plainAddress } from './peer-address.js';
import { serveSession } from './session.js';
import { speakerOf } from './speaker-of.js';

/**
 * How long a client that got its last reply may take to leave by itself. OpenSSH's drops a reply that arrives
 * together with the end of the connection.
 */
const PARTING_MS = 1000;

export interface ConnectionPolicy {
  readonly ring: KeyRing;
  readonly memory: TransferMemory;
  /** What is left of the time for the handshake, to the end of authentication. */
  readonly handshakeMs: number;
  /** Longest life of a connection; 0 for no limit. */
  readonly deadlineMs: number;
  readonly maxAuthTries: number;
  readonly maxChannels: number;
  /** Whether RSA signatures with SHA-1 are taken. */
  readonly compatible: boolean;
}

/** One accepted SSH connection, as the server sees it. */
export interface Connection {
  /** Ends the connection when its key may not log in any more, or may read other configurations. */
  recheckKey(): void;
  /** Refuses new work; resolves, having ended the connection, when what runs is done. */
  drain(): Promise<void>;
  end(): void;
}

export function serveConnection(
  registry: Registry,
  policy: ConnectionPolicy,
  client: SshClient,
  socket: Socket,
  info: ClientInfo,
): Connection {
  const held = new ServedConnection(registry, policy, client, socket, info);
  held.listen();
  return held;
}

class ServedConnection implements Connection {
  readonly #registry: Registry;
  readonly #policy: ConnectionPolicy;
  readonly #client: SshClient;
  readonly #socket: Socket;
  readonly #address: string;
  readonly #activity = new Activity();
  readonly #timers: NodeJS.Timeout[] = [];
  #log: Logger;
  #principal: Principal | undefined;
  #blob: Buffer | undefined;
  #tries = 0;
  #channels = 0;
  #draining = false;

  constructor(
    registry: Registry,
    policy: ConnectionPolicy,
    client: SshClient,
    socket: Socket,
    info: ClientInfo,
  ) {
    this.#registry = registry;
    this.#policy = policy;
    this.#client = client;
    this.#socket = socket;
    socket.setMaxListeners(0); // each channel listens; -max-channels bounds them
    this.#address = plainAddress(info.ip);
    const version = info.header.versions.software;
    this.#log = registry.log.child({ address: this.#address, port: info.port, client: version });
  }

  listen(): void {
    const started = performance.now();
    this.#log.debug('connection opened');
    this.#endAfter(this.#policy.handshakeMs, 'not authenticated in time');
    this.#client.on('authentication', (context) => this.#authenticate(context));
    this.#client.on('ready', () => {
      this.#clearTimers();
      if (this.#policy.deadlineMs > 0)
        this.#endAfter(this.#policy.deadlineMs, 'the deadline of the connection is over');
      this.#log.info({ ms: Math.round(performance.now() - started) }, 'authenticated');
    });
    this.#client.on('session', (accept, reject) => this.#openSession(accept, reject));
    this.#client.on('error', (error: Error) => {
      this.#log.info({ err: error.message }, 'connection broke');
      this.end(); // a peer that is gone does not close its side
    });
    this.#socket.once('close', () => {
      this.#clearTimers();
      this.#log.debug({ ms: Math.round(performance.now() - started) }, 'connection closed');
    });
  }

  recheckKey(): void {
    const principal = this.#principal;
    if (principal === undefined || this.#blob === undefined) return;
    const key = this.#policy.ring.find(principal.role, this.#blob);
    const admitted = key?.admits(this.#address, this.#registry.clock()) === true;
    if (admitted && key.config === principal.access.patterns) return;
    this.#log.warn('the key was removed or restricted, ending its connection');
    void this.#dismiss();
  }

  /** Ends the connection; watches end with status 0 before, where the peer takes that in time. */
  async #dismiss(): Promise<void> {
    this.#draining = true;
    if (this.#activity.stop()) await this.#left(PARTING_MS);
    this.end();
  }

  async drain(): Promise<void> {
    this.#draining = true;
    this.#activity.stop();
    if (this.#activity.running > 0) {
      await this.#activity.idle();
      await this.#left(PARTING_MS);
    }
    this.end();
  }

  end(): void {
    this.#client.end();
    // A peer that does not close its side must not keep the socket.
    const timer = setTimeout(() => this.#socket.destroy(), 1000);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  /** Resolves when the peer has left, at the latest after so long. */
  #left(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #authenticate(context: Parameters<typeof judge>[1]): void {
    const { ring, compatible } = this.#policy;
    const policy = { ring, clock: this.#registry.clock, allowSha1: compatible };
    const verdict = judge(policy, context, this.#address, this.#log);
    if (verdict === undefined) return;
    if (verdict.ok && context.method === 'publickey') {
      this.#principal = verdict.principal;
      this.#blob = context.key.data;
      const { fingerprint, comment, user, role } = verdict.principal;
      this.#log = this.#log.child({ user, role, fingerprint, who: comment });
      context.accept();
      return;
    }
    // A client asks with `none` first to learn the methods: not a try.
    if (context.method !== 'none') {
      this.#tries += 1;
      this.#log.info(
        { user: context.username, reason: verdict.ok ? undefined : verdict.reason },
        'key not accepted',
      );
    }
    context.reject(['publickey']);
    if (this.#tries < this.#policy.maxAuthTries) return;
    this.#log.warn({ tries: this.#tries }, 'too many authentication tries (-max-auth-tries)');
    this.end();
  }

  #openSession(accept: () => Parameters<typeof serveSession>[2], reject: () => void): void {
    const blob = this.#blob;
    if (this.#principal === undefined || blob === undefined || this.#draining) {
      reject();
      return;
    }
    if (this.#channels >= this.#policy.maxChannels) {
      this.#log.warn({ channels: this.#channels }, 'channel refused: limit reached (-max-channels)');
      reject();
      return;
    }
    this.#channels += 1;
    const session = accept();
    session.once('close', () => {
      this.#channels -= 1;
    });
    serveSession(this.#registry, this.#principal, session, {
      log: this.#log,
      activity: this.#activity,
      socket: this.#socket,
      memory: this.#policy.memory,
      speaker: speakerOf(this.#principal, this.#policy.ring, blob),
    });
  }

  #endAfter(ms: number, reason: string): void {
    this.#timers.push(
      setTimeout(() => {
        this.#log.info({ reason }, 'connection ended');
        this.end();
      }, ms),
    );
  }

  #clearTimers(): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
  }
}
