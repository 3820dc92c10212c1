import { isIPv6 } from 'node:net';

/**
 * A peer's IP address without the prefix of a mapped one: a socket that listens on IPv6 reports IPv4 peers as `::ffff:10.0.0.1`,
 * and rules for 10.0.0.1 apply to them too.
 */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

/**
 * The network that counts as one peer: an IPv4 address, or the first 64 bits of an IPv6 address, which one site gets (RFC 6177).
 * @param address as {@link plainAddress} returns it.
 */
export function networkOf(address: string): string {
  const [plain = ''] = address.split('%');
  if (!isIPv6(plain)) return address;
  const [head = '', tail = ''] = plain.toLowerCase().split('::');
  const first = head.split(':').filter((group) => group !== '');
  const last = tail.split(':').filter((group) => group !== '');
  const missing = plain.includes('::') ? Math.max(0, 8 - first.length - last.length) : 0;
  const groups = [...first, ...Array<string>(missing).fill('0'), ...last];
  const prefix = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${prefix.join(':')}::/64`;
}
