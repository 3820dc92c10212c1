import { networkOf, plainAddress } from '@deploy-tools/registry/ssh/peer-address.js';
import { expect, it } from 'vitest';

it.each([
  ['10.0.0.7', '10.0.0.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:1:2::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['unknown', 'unknown'],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

it('an IPv4 peer of an IPv6 socket counts as what it is', () => {
  expect(networkOf(plainAddress('::ffff:10.0.0.7'))).toBe('10.0.0.7');
});
