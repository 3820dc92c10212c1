import { normalizePath } from '@deploy-tools/registry/sftp/sftp-files.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kindOf } from '../../../shared/test/support/kind-of.js';

test.each([
  ['', '/'],
  ['.', '/'],
  ['..', '/'],
  ['/../../..', '/'],
  ['a/b/', '/a/b'],
  ['//a//./b/../c', '/a/c'],
  ['a\\..\\b', '/a\\..\\b'],
  ['...', '/...'],
])('%j is %j', (path, normal) => {
  expect(normalizePath(path)).toBe(normal);
});

test('any path is below the root, or invalid; doing it twice changes nothing', () => {
  const part = fc.oneof(fc.constantFrom('..', '.', '', '/', 'configs'), fc.string());
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const path = parts.join('/');
      if (path.includes('\0')) {
        expect(kindOf(() => normalizePath(path))).toBe('invalid');
        return;
      }
      const normal = normalizePath(path);
      expect(normal.startsWith('/')).toBe(true);
      expect(normal.split('/').slice(1)).not.toContain('..');
      expect(normal === '/' || !normal.endsWith('/')).toBe(true);
      expect(normalizePath(normal)).toBe(normal);
    }),
  );
});

test('an absurd length is invalid', () => {
  expect(kindOf(() => normalizePath('a'.repeat(4097)))).toBe('invalid');
});
