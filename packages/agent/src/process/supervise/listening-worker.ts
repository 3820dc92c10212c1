import { type AddressInfo, createServer, type Server } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import type { ListeningReply, ListeningTask } from './open-listeners.js';

/**
 * The body of the thread that open-listeners.ts starts. It opens the sockets and sleeps, in the same turn of its event loop, until
 * it closes them: a loop that never turns accepts nothing. Connections wait in the kernel's queue for the program.
 */
function main({ addresses, backlog, gate }: ListeningTask): void {
  const servers = addresses.map(() => createServer());
  let [open, failed] = [0, false];
  const reply = (message: ListeningReply): void => parentPort?.postMessage(message);
  for (const [index, address] of addresses.entries()) {
    const server = servers[index];
    server?.once('error', (error: NodeJS.ErrnoException) => {
      if (!failed) reply({ kind: 'failed', index, code: error.code ?? error.message });
      failed = true;
      closeAll(servers);
    });
    // A numeric address is not looked up: listening and its event come in this turn of the loop.
    server?.listen({ ...address, backlog }, () => {
      open += 1;
      if (failed || open < servers.length) return;
      reply({ kind: 'listening', sockets: servers.map(socketOf) });
      Atomics.wait(gate, 0, 0);
      closeAll(servers);
    });
  }
}

/** The descriptor of a socket, which only the undocumented `_handle` tells. */
function socketOf(server: Server): { fd: number; port: number } {
  const handle = '_handle' in server ? server._handle : undefined;
  const fd = typeof handle === 'object' && handle !== null && 'fd' in handle ? handle.fd : undefined;
  const { port } = server.address() as AddressInfo;
  return { fd: typeof fd === 'number' ? fd : -1, port };
}

function closeAll(servers: readonly Server[]): void {
  for (const server of servers) server.close();
}

main(workerData);
