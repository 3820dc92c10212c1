import type { Socket } from 'node:net';
import type { Connection as SshClient } from 'ssh2';
import type { Outbound } from '../../sftp/outbound.js';
import { insideOf } from './ssh2-inside.js';

/** The way out of a connection of ssh2. */
export function outboundOf(client: SshClient, socket: Socket): Outbound {
  const protocol = insideOf(client)._protocol;
  const listeners = new Set<() => void>();
  const notify = () => {
    for (const listener of [...listeners]) listener();
  };
  socket.on('drain', notify).on('close', notify);
  client.on('handshake', notify);
  return {
    get waiting() {
      return protocol._kexinit === undefined ? socket.writableLength : Number.POSITIVE_INFINITY;
    },
    get closed() {
      return socket.destroyed;
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
