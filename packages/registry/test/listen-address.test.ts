import { parseListenAddress } from '@deploy-tools/registry/settings.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kindOf } from '../../shared/test/support/kind-of.js';

test.each([
  ['localhost:2022', 'localhost', 2022],
  ['registry', 'registry', 22],
  [':2022', '', 2022],
  ['[::1]:2022', '::1', 2022],
  ['[fe80::1%eth0]', 'fe80::1%eth0', 22],
  ['10.0.0.1:0', '10.0.0.1', 0],
])('%s', (text, host, port) => {
  expect(parseListenAddress(text, 22)).toEqual({ host, port });
});

test.each(['a:b', 'a:65536', '::1', '[::1', 'a:1:2', '[a b]:1'])('refuses %s', (text) => {
  expect(kindOf(() => parseListenAddress(text, 22))).toBe('usage');
});

test('any text gives a port in range or a usage error', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(70_000), (host, port) => {
      const text = `${host}:${port}`;
      const outcome = kindOf(() => expect(parseListenAddress(text, 22).port).toBe(port));
      expect(outcome).toBe(port > 65_535 || /[:[\]]/.test(host) ? 'usage' : 'nothing thrown');
    }),
  );
});
