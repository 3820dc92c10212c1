import { connect, type Socket } from 'node:net';
import { DeployError, errnoOf } from '../errors.js';
import { type Address, formatAddress } from './address.js';

/**
 * Opens a TCP connection; tries all addresses of a name in turn.
 * @param signal ends the attempt; its reason is thrown when it is a DeployError.
 * @throws DeployError connect.
 */
export function dial(address: Address, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address.host, port: address.port, noDelay: true });
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
