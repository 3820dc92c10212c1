import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Connects. @throws Error; the reason of `limit`, which ends it. */
export async function openSocket(
  target: { readonly host: string; readonly port: number },
  limit: AbortSignal,
): Promise<Socket> {
  const socket = connect(target);
  try {
    await once(socket, 'connect', { signal: limit });
    return socket;
  } catch (error) {
    socket.destroy();
    limit.throwIfAborted();
    throw error;
  }
}
