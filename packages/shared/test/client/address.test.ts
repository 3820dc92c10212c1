import { formatAddress, parseAddress } from '@deploy-tools/shared/client/address.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe('an address', () => {
  test.each([
    ['localhost:2022', 'localhost', 2022],
    ['localhost', 'localhost', 2022],
    ['Registry.Example:22', 'registry.example', 22],
    ['10.0.0.1:65535', '10.0.0.1', 65_535],
    ['[::1]:2022', '::1', 2022],
    ['[::1]', '::1', 2022],
    ['::1', '::1', 2022],
    ['[fe80::1%eth0]:22', 'fe80::1%eth0', 22],
  ])('%j is read', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
  });

  test.each([
    '',
    ':2022',
    'host:',
    'host:0',
    'host:65536',
    'host:x',
    'a:b:c',
    '[::1',
    '[host]:22',
    'a b:22',
    'user@host',
  ])('%j is refused', (text) => {
    expect(() => parseAddress(text)).toThrow(expect.objectContaining({ kind: 'usage' }));
  });

  test('is read back as it was written', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
    fc.assert(
      fc.property(host, fc.integer({ min: 1, max: 65_535 }), (name, port) => {
        const address = { host: name.toLowerCase(), port };
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
  });

  test('of any text is read or refused, nothing else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseAddress(text);
        } catch (error) {
          expect(error).toMatchObject({ kind: 'usage' });
        }
      }),
    );
  });
});
