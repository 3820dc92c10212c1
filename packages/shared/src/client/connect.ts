import type { Socket } from 'node:net';
import ssh2 from 'ssh2';
import { formatDuration } from '../duration.js';
import { DeployError } from '../errors.js';
import { enablePostQuantumKex } from '../ssh/key-exchange.js';
import { type Address, formatAddress, parseAddress } from './address.js';
import { ConnectAttempt, KeysRefused, type Peer } from './connect-attempt.js';
import { Connection } from './connection.js';
import { dial } from './dial.js';
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
