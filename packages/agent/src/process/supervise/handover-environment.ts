import { FIRST_FD, formatListenSpec } from './listen-spec.js';
import type { Listener } from './open-listeners.js';

/** Of an agent that was itself started so; none of it is meant for the program. */
export const HANDOVER_VARIABLES = [
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_FDNAMES',
  'SERVER_STARTER_PORT',
  'SERVER_STARTER_GENERATION',
] as const;

/**
 * What tells a program which descriptors are its listening sockets, from {@link FIRST_FD} on in the order of `-port`:
 *
 * - `SERVER_STARTER_PORT=8080=3;localhost:8081=4` and `SERVER_STARTER_GENERATION` (Server::Starter);
 * - `LISTEN_FDS=2` and `LISTEN_FDNAMES=8080:localhost_8081` (sd_listen_fds(3)); `LISTEN_PID` is set by the child, which
 *   alone knows it, see start-child.ts.
 *
 * Without sockets it has the generation only.
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
