import { createConnection, type Socket } from 'node:net';
import ssh2 from 'ssh2';
import { formatDuration } from '../duration.js';
import { DeployError, errnoOf } from '../errors.js';
import { enablePostQuantumKex } from '../ssh/key-exchange.js';
import { type Address, formatAddress, parseAddress } from './address.js';
import { ConnectAttempt, KeysRefused, type Peer } from './connect-attempt.js';
import { Connection } from './connection.js';
import { type HostKeyTrust, hostKeyPolicy } from './host-key-policy.js';
import type { Identity } from './identity.js';
import { clientAlgorithms } from './ssh-algorithms.js';

export interface ConnectOptions {
  /** Host and port, see {@link parseAddress}. */
  readonly addr: string;
  readonly user: string;
  readonly identity: Identity;
  readonly hostKey: HostKeyTrust;
  /** Limit for dialling, handshake and authentication together; 30 s by default. */
  readonly timeoutMs?: number;
  /** Interval of pings, and how many unanswered ones end the connection. By default 15 s and 3. */
  readonly keepalive?: { readonly intervalMs: number; readonly count: number };
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_KEEPALIVE = { intervalMs: 15_000, count: 3 } as const;

/**
 * Connects and authenticates with public keys.
 * @throws DeployError usage for a malformed address or fingerprint; auth when the host key is not trusted or none of our
 *   keys is accepted; connect when the peer cannot be reached in time or speaks no SSH of ours; cancelled by the signal.
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const address = parseAddress(options.addr);
  const policy = hostKeyPolicy(options.hostKey, address);
  const limit = startLimit(address, options);
  try {
    const [socket] = await Promise.all([dial(address, limit.signal), enablePostQuantumKex()]);
    return await handshake(socket, { address, policy, options }, limit.signal);
  } finally {
    limit.stop();
  }
}

/** A signal that fires on the caller's abort or after the timeout; its reason is the error to throw. */
function startLimit(address: Address, options: ConnectOptions): { signal: AbortSignal; stop: () => void } {
  const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const limit = new AbortController();
  const cancel = () => limit.abort(new DeployError('cancelled', 'cancelled while connecting'));
  const expire = () =>
    limit.abort(
      new DeployError(
        'connect',
        `cannot connect to ${formatAddress(address)}: no answer in ${formatDuration(timeoutMs)}`,
        { hint: 'check the address, and that no firewall drops the packets' },
      ),
    );
  const timer = setTimeout(expire, timeoutMs);
  if (signal?.aborted === true) cancel();
  signal?.addEventListener('abort', cancel);
  const stop = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', cancel);
  };
  return { signal: limit.signal, stop };
}

/** @param signal ends the handshake; its reason is the error to throw. */
function handshake(
  socket: Socket,
  peer: Peer & { readonly options: ConnectOptions },
  signal: AbortSignal,
): Promise<Connection> {
  const { address, policy, options } = peer;
  const keepalive = options.keepalive ?? DEFAULT_KEEPALIVE;
  const client = new ssh2.Client();
  const attempt = new ConnectAttempt(peer);
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      reject(attempt.explain(error));
    };
    const onAbort = () => fail(signal.reason as DeployError);
    signal.addEventListener('abort', onAbort);
    client.on('error', fail);
    const onClose = () => fail(new Error('the other side closed the connection'));
    client.on('close', onClose);
    client.on('handshake', () => attempt.encrypted());
    client.on('ready', () => {
      signal.removeEventListener('abort', onAbort);
      const { hostFingerprint, serverIdent } = attempt;
      const facts = { peer: formatAddress(address), hostFingerprint, serverIdent };
      const connection = new Connection(client, socket, facts);
      client.off('error', fail).off('close', onClose);
      resolve(connection);
    });
    client.connect({
      username: options.user,
      sock: socket,
      algorithms: clientAlgorithms(policy.preferredKeyTypes),
      keepaliveInterval: keepalive.intervalMs,
      keepaliveCountMax: keepalive.count,
      readyTimeout: 0,
      hostVerifier: (key: Buffer) => attempt.acceptsHostKey(key),
      authHandler: (_left, _partial, next) => {
        const credential = attempt.nextCredential();
        if (credential === undefined) client.emit('error', new KeysRefused());
        else next(credential);
      },
    });
    // ssh2 has paused the socket, so listening does not make data flow before ssh2 itself listens.
    socket.on('data', function readIdent(chunk: Buffer) {
      if (attempt.readIdent(chunk)) socket.off('data', readIdent);
    });
  });
}

/**
 * Opens a TCP connection; tries all addresses of a name in turn.
 * @param signal ends the attempt; its reason is thrown when it is a DeployError.
 * @throws DeployError connect.
 */
function dial(address: Address, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: address.host, port: address.port, noDelay: true });
    const settle = (error?: unknown) => {
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners('connect').removeAllListeners('error');
      if (error === undefined) {
        resolve(socket);
        return;
      }
      socket.on('error', () => undefined); // later errors of the socket: the first one is reported
      socket.destroy();
      reject(dialError(error, address));
    };
    const onAbort = () => settle(signal.reason);
    socket.on('connect', () => settle());
    socket.on('error', settle);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name server does not answer',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'no answer',
};

function dialError(error: unknown, address: Address): DeployError {
  if (error instanceof DeployError) return error;
  const reason = REASONS[errnoOf(error) ?? ''] ?? (error instanceof Error ? error.message : String(error));
  return new DeployError('connect', `cannot connect to ${formatAddress(address)}: ${reason}`, {
    hint: 'check that the registry runs there and that the address is right',
    cause: error,
  });
}
