import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Target } from './open-ssh.js';
import type { Scope } from './scope.js';

/** A client that speaks whatever it is told to, or nothing. */
export interface TcpPeer {
  readonly socket: Socket;
  /** Resolves when the other side has ended the connection, with the milliseconds since it was opened. */
  readonly closed: Promise<number>;
  /** Everything received so far. */
  received(): string;
}

export async function tcpPeer(scope: Scope, target: Target): Promise<TcpPeer> {
  const opened = performance.now();
  const socket = connect(target);
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.on('error', () => {}); // a reset is an end, too
  const closed = new Promise<number>((resolve) => {
    socket.once('close', () => resolve(performance.now() - opened));
  });
  scope.defer(() => void socket.destroy());
  await once(socket, 'connect');
  return { socket, closed, received: () => received };
}
