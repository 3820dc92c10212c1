import type { Socket } from 'node:net';
import type { Logger } from '@deploy-tools/shared/log.js';
import { excerpt } from '@deploy-tools/shared/printable.js';
import type { Session, Connection as SshClient } from 'ssh2';
import type { Principal } from '../core/principal.js';
import type { Outbound } from '../sftp/outbound.js';
import type { TransferMemory } from '../sftp/transfer-memory.js';
import { Activity } from './activity.js';
import { signatureAlgorithms } from './algorithms.js';
import { authenticate } from './authenticate.js';
import { ConnectionChannels } from './connection-channels.js';
import { insideOf, outboundOf } from './floor/ssh2-inside.js';
import { TransportGuard } from './floor/transport-guard.js';
import type { HoldingConnection, KeyBudgets } from './key-budgets.js';
import type { KeyRing } from './key-ring.js';
import { ServedSession } from './session.js';
import type { ConnectionServices } from './session-context.js';
import type { Holder } from './shares.js';
import { speakerOf } from './speaker-of.js';

/**
 * How long a client may take to leave after its last reply. OpenSSH's client drops a reply that arrives together with the end of
 * the connection.
 */
const PARTING_MS = 1000;

/** SSH_DISCONNECT_TOO_MANY_CONNECTIONS (RFC 4253, section 11.1). */
const TOO_MANY_CONNECTIONS = 12;
/** Messages that a client may send before authentication, besides two for each key. */
const OTHER_MESSAGES_BEFORE = 50;

export interface ConnectionPolicy {
  readonly ring: KeyRing;
  readonly memory: TransferMemory;
  readonly budgets: KeyBudgets;
  /** The time limit for the handshake and authentication. */
  readonly handshakeMs: number;
  /** The longest life of a connection; 0 for no limit. */
  readonly deadlineMs: number;
  readonly maxAuthTries: number;
  readonly maxChannels: number;
  /** Whether RSA signatures with SHA-1 are accepted. */
  readonly compatible: boolean;
}

/** A client that has sent its identification line. */
export interface Peer {
  readonly client: SshClient;
  readonly socket: Socket;
  readonly address: string;
  readonly port: number;
  /** The client program's name for itself. */
  readonly software: string;
  /** The remaining time for the handshake. */
  readonly handshakeMs: number;
  /** Called when the client has authenticated. */
  readonly onAuthenticated: () => void;
  /** Calls `work` when this client's turn comes. */
  readonly takeTurn: (work: () => void) => void;
}

/** One accepted SSH connection, as the server sees it. */
export class ServedConnection implements HoldingConnection {
  readonly #services: ConnectionServices;
  readonly #policy: ConnectionPolicy;
  readonly #peer: Peer;
  readonly #outbound: Outbound;
  readonly #guard: TransportGuard;
  readonly #activity = new Activity();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #channels: ConnectionChannels;
  #log: Logger;
  #principal: Principal | undefined;
  #blob: Buffer | undefined;
  #tries = 0;
  #draining = false;

  constructor(services: ConnectionServices, policy: ConnectionPolicy, peer: Peer) {
    const { client, socket, address, port, software } = peer;
    this.#services = services;
    this.#policy = policy;
    this.#peer = peer;
    this.#outbound = outboundOf(client, socket);
    this.#channels = new ConnectionChannels({
      max: policy.maxChannels,
      budget: policy.budgets.channels,
      onUnused: () => {
        this.#log.warn('connection ended: a session was opened, but ran nothing');
        this.end();
      },
    });
    this.#log = services.log.child({ address, port, client: excerpt(software) });
    this.#guard = new TransportGuard({
      client,
      socket,
      outbound: this.#outbound,
      maxMessagesBefore: OTHER_MESSAGES_BEFORE + 2 * policy.maxAuthTries,
      signatureAlgorithms: signatureAlgorithms(policy.compatible),
      keyExchangeMs: policy.handshakeMs,
      takeTurn: peer.takeTurn,
      onViolation: (reason) => {
        this.#log.warn({ reason }, 'connection ended: the client broke a rule of SSH');
        this.end();
      },
    });
  }

  get holder(): Holder | undefined {
    return this.#principal;
  }

  get heldBytes(): number {
    return this.#guard.unread + this.#channels.unread + this.#peer.socket.writableLength;
  }

  endForBudget(reason: string): void {
    this.#log.warn({ reason, bytes: this.heldBytes }, 'connection ended');
    this.#peer.socket.destroy();
  }

  /** Begins to serve; called once. */
  listen(): void {
    const started = performance.now();
    const { client, socket, handshakeMs } = this.#peer;
    this.#log.debug('connection opened');
    this.#guard.start();
    this.#endAfter(handshakeMs, 'not authenticated in time');
    client.on('authentication', (context) => this.#authenticate(context));
    client.on('ready', () => {
      this.#clearTimers();
      if (this.#policy.deadlineMs > 0)
        this.#endAfter(this.#policy.deadlineMs, 'it reached the longest life of a connection (-deadline)');
      this.#log.info({ ms: Math.round(performance.now() - started) }, 'authenticated');
    });
    client.on('session', (accept, reject) => this.#openSession(accept, reject));
    client.on('error', (error: Error) => {
      this.#log.info({ err: excerpt(error.message) }, 'connection broke');
      this.end(); // a lost peer does not close its side
    });
    socket.once('close', () => {
      this.#clearTimers();
      this.#channels.closeAll();
      this.#log.debug({ ms: Math.round(performance.now() - started) }, 'connection closed');
    });
  }

  /** Ends the connection when its key may not log in any more, or may read other configurations. */
  recheckKey(): void {
    const principal = this.#principal;
    if (principal === undefined || this.#blob === undefined) return;
    const key = this.#policy.ring.find(principal.role, this.#blob);
    const admitted = key?.admits(this.#peer.address, this.#services.clock()) === true;
    if (admitted && key.config === principal.access.patterns) return;
    this.#log.warn('connection ended: its key was removed or restricted');
    void this.#dismiss();
  }

  /** Ends the connection. Watches end with status 0 first, and the peer gets a moment to receive that. */
  async #dismiss(): Promise<void> {
    this.#draining = true;
    if (this.#activity.stop()) await this.#left(PARTING_MS);
    this.end();
  }

  /** Refuses new work; resolves when the running work is done and the connection has ended. */
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
    const { client, socket } = this.#peer;
    client.end();
    // For a peer that does not close its side.
    const timer = setTimeout(() => socket.destroy(), 1000);
    socket.once('close', () => clearTimeout(timer));
  }

  destroy(): void {
    this.#peer.socket.destroy();
  }

  /** Resolves when the peer has left, at the latest after this time. */
  #left(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#peer.socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #authenticate(context: Parameters<typeof authenticate>[1]): void {
    const { ring, compatible: allowSha1 } = this.#policy;
    const policy = { ring, clock: this.#services.clock, address: this.#peer.address, allowSha1 };
    const result = authenticate(policy, context, this.#log);
    if (result === undefined) return;
    if (result.ok && context.method === 'publickey') {
      this.#principal = result.principal;
      this.#blob = context.key.data;
      const { fingerprint, comment, user, role } = result.principal;
      this.#log = this.#log.child({ user, role, fingerprint, who: comment });
      context.accept();
      this.#peer.onAuthenticated();
      this.#takePlace(result.principal);
      return;
    }
    // `none` asks for the methods: it is no try.
    if (context.method !== 'none') {
      this.#tries += 1;
      this.#log.info(
        { user: excerpt(context.username), reason: result.ok ? undefined : result.reason },
        'key not accepted',
      );
    }
    context.reject(['publickey']);
    if (this.#tries < this.#policy.maxAuthTries) return;
    this.#log.warn({ tries: this.#tries }, 'too many authentication tries (-max-auth-tries)');
    this.end();
  }

  /** Takes a place for the connection, or disconnects the client with the reason TOO_MANY_CONNECTIONS. */
  #takePlace(principal: Principal): void {
    const { connections } = this.#policy.budgets;
    const refused = connections.take(principal);
    if (refused === undefined) {
      this.#peer.socket.once('close', () => connections.give(principal));
      return;
    }
    this.#draining = true;
    this.#log.warn(
      { limit: refused },
      'connection refused: limit of connections reached (-max-conns-per-key, -max-conns)',
    );
    insideOf(this.#peer.client)._protocol.disconnect(TOO_MANY_CONNECTIONS);
    this.end();
  }

  #openSession(accept: () => Session, reject: () => void): void {
    const principal = this.#principal;
    const blob = this.#blob;
    const refused = principal === undefined || this.#draining ? '' : this.#channels.refusal(principal);
    if (principal === undefined || blob === undefined || refused !== undefined) {
      if (refused) this.#log.warn({ limit: refused }, 'channel refused: limit reached (-max-channels)');
      reject();
      return;
    }
    const { budgets, memory, ring } = this.#policy;
    const session = accept();
    const context = {
      principal,
      log: this.#log,
      activity: this.#activity,
      outbound: this.#outbound,
      memory,
      handles: { take: (entries?: number) => budgets.takeHandle(principal, entries) },
      speaker: speakerOf({ principal, ring, blob, reporting: budgets.reportingOf(principal.fingerprint) }),
      place: this.#channels.take(principal, session),
    };
    new ServedSession(this.#services, context).listen(session);
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
