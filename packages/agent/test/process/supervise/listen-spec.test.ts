import { formatListenSpec, parseListenSpec } from '@deploy-tools/agent/process/supervise/listen-spec.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('a port', () => {
  it.each([
    ['8080', undefined, 8080],
    [':8080', undefined, 8080],
    ['0', undefined, 0],
    ['localhost:80', 'localhost', 80],
    ['10.0.0.1:65535', '10.0.0.1', 65_535],
    ['[::1]:80', '::1', 80],
    ['[::]:80', '::', 80],
  ])('%s', (text, host, port) => {
    expect(parseListenSpec(text)).toEqual({ host, port });
  });

  it.each([
    '',
    'localhost',
    '65536',
    '-1',
    '80x',
    '::1:80',
    '[::1]',
    '[1.2.3.4]:80',
    'a b:80',
    '80;81',
    'a=b:80',
  ])('is refused: %j', (text) => {
    expect(() => parseListenSpec(text)).toThrow(`invalid value "${text}" for flag -port`);
  });

  it('is written as it is read, without what separates it in the environment', () => {
    const texts = fc.oneof(
      fc.string(),
      fc
        .tuple(
          fc.oneof(
            fc.domain(),
            fc.ipV4(),
            fc.ipV6().map((ip) => `[${ip}]`),
          ),
          fc.nat(70_000),
        )
        .map((parts) => parts.join(':')),
      fc.nat(70_000).map(String),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          const written = formatListenSpec(parseListenSpec(text));
          expect(parseListenSpec(written)).toEqual(parseListenSpec(text));
          expect(written).toMatch(/^[^;=\s]+$/);
        } catch (error) {
          if (!isDeployError(error, 'usage')) throw error;
        }
      }),
    );
  });
});
