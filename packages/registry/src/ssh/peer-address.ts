/**
 * A peer's IP address as people write it: a socket that listens on IPv6 reports IPv4 peers as `::ffff:10.0.0.1`, and
 * rules for 10.0.0.1 are meant for them too.
 */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
