import { isIPv6 } from 'node:net';
import { DeployError } from '../errors.js';

/** The default port of a registry. */
export const DEFAULT_PORT = 2022;

export interface Address {
  /** Name or IP address, without brackets, in lower case. */
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address; the port is {@link DEFAULT_PORT} when absent.
 * @throws DeployError usage.
 */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^[\]]+)\]|([^\s:[\]/@]+))(?::(\d{1,5}))?$/.exec(text);
  // Last, because the first call of isIPv6 takes a tenth of a program's start on Node.js 20.
  if (match === null && isIPv6(text)) return { host: text.toLowerCase(), port: DEFAULT_PORT };
  const [, v6, name, digits] = match ?? [];
  const host = v6 ?? name;
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (host === undefined || (v6 !== undefined && !isIPv6(v6)) || port < 1 || port > 65_535) {
    throw new DeployError('usage', `invalid address "${text}"`, {
      hint: 'write it as host:port or [ipv6]:port',
    });
  }
  return { host: host.toLowerCase(), port };
}

/** Formats an address as `host:port`, IPv6 in brackets. */
export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
