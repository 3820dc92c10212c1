import { required } from '@deploy-tools/shared/commands/required.js';
import { expect, test } from 'vitest';
import { kindOf } from '../support/kind-of.js';

test('gives the values when all are there', () => {
  expect(required({ name: 'a', version: 'b' })).toEqual({ name: 'a', version: 'b' });
});

test.each([
  [{ name: undefined }, 'name should be set'],
  [{ name: '' }, 'name should be set'],
  [{ name: 'a', component: undefined }, 'name and component should both be set'],
  [{ name: 'a', version: 'b', hash: undefined }, 'name, version and hash should all be set'],
])('%j: %s', (values, message) => {
  expect(kindOf(() => required(values))).toBe('usage');
  expect(() => required(values)).toThrow(message);
});
