import { bearerChallenge } from '@deploy-tools/sources/adapters/bearer-challenge.js';
import { expect, it } from 'vitest';
import { kindOf } from '../../../shared/test/support/kind-of.js';

it('a challenge says where a token is asked for', () => {
  const header = 'Bearer realm="https://auth.example/token?a=b",service="reg",scope="repository:x:pull"';
  expect(bearerChallenge(header)).toBe(
    'https://auth.example/token?a=b&service=reg&scope=repository%3Ax%3Apull',
  );
  for (const other of ['Basic realm="x"', 'Bearer service="x"', 'Bearer realm="file:///etc"', ''])
    expect(bearerChallenge(other)).toBeUndefined();
});

it.each([
  ['http://auth.example/token', 'denied'],
  ['http://127.0.0.1.example/token', 'denied'],
  ['http://127.example/token', 'denied'],
  ['http://169.254.169.254/latest', 'denied'],
  ['http://localhost:5001/token', 'nothing thrown'],
  ['http://127.0.0.1:5001/token', 'nothing thrown'],
  ['http://[::1]:5001/token', 'nothing thrown'],
])('name and password are sent encrypted, or stay on this host: %s is %s', (realm, kind) => {
  expect(kindOf(() => bearerChallenge(`Bearer realm="${realm}"`))).toBe(kind);
});
