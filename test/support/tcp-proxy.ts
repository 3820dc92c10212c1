import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Target } from './open-ssh.js';
import type { Scope } from './scope.js';

/** A TCP proxy on a free port of localhost that can spoil its connections. */
export interface TcpProxy extends Target {
  /** Resolves when clients have sent at least so many bytes, all connections together. */
  sentAtLeast(bytes: number): Promise<void>;
  /** The same for what came back. */
  receivedAtLeast(bytes: number): Promise<void>;
  /** Bytes that came back so far, all connections together. */
  received(): number;
  /** Resets every connection now. */
  cut(): void;
  /** From now on nothing passes, and nothing is closed. */
  stall(): void;
  /** The same for the connections that are open now: those to come are served. */
  freeze(): void;
  /** From now on every chunk is held back for so long. */
  delay(ms: number): void;
}

/** Starts a proxy before a target. Closed at the end of the scope. */
export async function startTcpProxy(scope: Scope, target: Target): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const waiters = new Set<() => void>();
  const frozen = new Set<Socket>();
  const state = { sent: 0, received: 0, stalled: false, delayMs: 0 };
  const pass = async (from: Socket, to: Socket, count: 'sent' | 'received') => {
    from.on('error', () => to.destroy());
    for await (const chunk of from) {
      state[count] += (chunk as Buffer).length;
      for (const waiter of [...waiters]) waiter();
      if (state.stalled || frozen.has(from)) await new Promise(() => {}); // both ends stay open; cut() ends them
      if (state.delayMs > 0) await delay(state.delayMs);
      if (!to.write(chunk as Buffer)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
    }
    to.end();
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: target.host, port: target.port, allowHalfOpen: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    pass(client, upstream, 'sent').catch(() => upstream.destroy());
    pass(upstream, client, 'received').catch(() => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const reached = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!holds()) return;
        waiters.delete(look);
        resolve();
      };
      waiters.add(look);
      look();
    });
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  scope.defer(() => {
    cut();
    server.close();
  });
  const address = server.address();
  return {
    host: '127.0.0.1',
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    sentAtLeast: (bytes) => reached(() => state.sent >= bytes),
    receivedAtLeast: (bytes) => reached(() => state.received >= bytes),
    received: () => state.received,
    cut,
    stall: () => {
      state.stalled = true;
    },
    freeze: () => {
      for (const socket of sockets) frozen.add(socket);
    },
    delay: (ms) => {
      state.delayMs = ms;
    },
  };
}
