import { isIPv6 } from 'node:net';

/**
 * A peer's IP address as people write it: a socket that listens on IPv6 reports IPv4 peers as `::ffff:10.0.0.1`, and
 * rules for 10.0.0.1 are meant for them too.
 */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

/**
 * What counts as one peer: the address, of IPv6 its first 64 bits, as one customer or host is given that much (RFC 6177).
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
