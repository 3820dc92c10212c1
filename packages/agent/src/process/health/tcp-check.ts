import { limitCheck } from './check-limit.js';
import type { CheckContext, Finding } from './health-check.js';
import { openCheck } from './open-check.js';

/** Passes when a connection opens; nothing is sent. @throws Error saying why it did not. */
export function tcpCheck(
  target: { readonly host: string; readonly port: number },
  { timeoutMs, program }: Pick<CheckContext, 'timeoutMs' | 'program'>,
  signal: AbortSignal,
): Promise<Finding> {
  return limitCheck(timeoutMs, signal, async (limit) => {
    const socket = await openCheck(target, program, limit);
    socket.on('error', () => {}); // it has opened, which was the question
    socket.end();
    socket.resume();
    return { status: 'passing', answer: 'connected' };
  });
}
