import type { Socket } from 'node:net';
import { type AnsweringProgram, connectToProgram } from './connect-to-program.js';
import { openSocket } from './open-socket.js';

/**
 * Connects as a check does: on a port of the program, to that program alone.
 * @param limit ends it, with its reason. @throws Error.
 */
export async function openCheck(
  target: { readonly host: string; readonly port: number },
  program: AnsweringProgram | undefined,
  limit: AbortSignal,
): Promise<Socket> {
  limit.throwIfAborted();
  if (program?.ports.includes(target.port) === true) return await connectToProgram(target, program, limit);
  return await openSocket(target, limit);
}
