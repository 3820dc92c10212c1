import { connect } from 'node:net';
import { limitCheck } from './check-limit.js';
import type { Finding } from './health-check.js';

/** Passes when a connection opens; nothing is sent. @throws Error saying why it did not. */
export function tcpCheck(
  target: { readonly host: string; readonly port: number },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Finding> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: target.host, port: target.port });
    const limit = limitCheck(timeoutMs, signal, (error) => socket.destroy(error));
    socket.once('connect', () => {
      resolve({ status: 'passing', answer: 'connected' });
      socket.end();
      socket.resume();
    });
    socket.once('error', reject);
    socket.once('close', () => limit.clear());
  });
}
