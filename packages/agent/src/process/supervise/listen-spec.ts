import { isIPv6 } from 'node:net';
import { DeployError } from '@deploy-tools/shared/errors.js';

/** The first inherited descriptor: SD_LISTEN_FDS_START. */
export const FIRST_FD = 3;

/** Where a supervised program listens. */
export interface ListenSpec {
  /** Name or address, without brackets; undefined for every address of the host. */
  readonly host: string | undefined;
  /** 0 for any free port. */
  readonly port: number;
}

/**
 * Reads `-port`: `8080`, `:8080`, `localhost:8080`, `10.0.0.1:8080`, `[::1]:8080`.
 * @throws DeployError usage.
 */
export function parseListenSpec(text: string): ListenSpec {
  const match = /^(?:(?:\[([^[\]]+)\]|([\w.-]*)):)?(\d{1,5})$/.exec(text);
  const [, v6, name, digits] = match ?? [];
  const port = Number(digits);
  if (match === null || port > 65_535 || (v6 !== undefined && !isIPv6(v6))) {
    throw new DeployError('usage', `invalid value "${text}" for flag -port`, {
      hint: 'write it as PORT, HOST:PORT or [IPV6]:PORT',
    });
  }
  return { host: v6 ?? (name === '' ? undefined : name), port };
}

/** Formats a port as in SERVER_STARTER_PORT: without a host the port alone. */
export function formatListenSpec({ host, port }: ListenSpec): string {
  if (host === undefined) return String(port);
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
