import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Target } from './open-ssh.js';
import type { Scope } from './scope.js';

/** A TCP proxy before a server that can lose connections. */
export interface CuttingProxy extends Target {
  /** Cuts each of the next connections after the server has sent that many bytes on it. */
  cutAfter(...bytes: readonly number[]): void;
  /** How many connections were accepted so far. */
  readonly accepted: number;
}

/** Listens on a free port of the loopback until the scope ends. */
export async function startCuttingProxy(scope: Scope, target: Target): Promise<CuttingProxy> {
  const cuts: number[] = [];
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((client) => {
    accepted += 1;
    const upstream = connect(target.port, target.host);
    let left = cuts.shift() ?? Number.POSITIVE_INFINITY;
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined); // a cut is what this is for
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    upstream.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) client.resetAndDestroy();
    });
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.defer(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    cutAfter: (...bytes) => void cuts.push(...bytes),
    get accepted() {
      return accepted;
    },
  };
}
