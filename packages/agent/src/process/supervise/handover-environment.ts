import { FIRST_FD, formatListenSpec } from './listen-spec.js';
import type { Listener } from './open-listeners.js';

/** Variables about sockets that the agent itself may have got; the program does not inherit them. */
export const HANDOVER_VARIABLES = [
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_FDNAMES',
  'SERVER_STARTER_PORT',
  'SERVER_STARTER_GENERATION',
] as const;

/**
 * The variables that tell a program its listening sockets, from {@link FIRST_FD} on in the order of `-port`:
 *
 * - `SERVER_STARTER_PORT=8080=3;localhost:8081=4` and `SERVER_STARTER_GENERATION` (Server::Starter);
 * - `LISTEN_FDS=2` and `LISTEN_FDNAMES=8080:localhost_8081` (sd_listen_fds(3)); the child sets `LISTEN_PID` itself, see launch.ts.
 *
 * Without sockets there is the generation only.
 */
export function handoverEnvironment(
  listeners: readonly Listener[],
  generation: number,
): Readonly<Record<string, string>> {
  const SERVER_STARTER_GENERATION = String(generation);
  if (listeners.length === 0) return { SERVER_STARTER_GENERATION };
  const names = listeners.map(({ spec }) => formatListenSpec(spec));
  return {
    SERVER_STARTER_GENERATION,
    SERVER_STARTER_PORT: names.map((name, index) => `${name}=${FIRST_FD + index}`).join(';'),
    LISTEN_FDS: String(listeners.length),
    LISTEN_FDNAMES: names.map((name) => name.replaceAll(':', '_')).join(':'),
  };
}
