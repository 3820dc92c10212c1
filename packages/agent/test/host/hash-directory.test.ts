import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HashDirectory } from '@deploy-tools/agent/host/hash-directory.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)];

it('a directory that does not exist is an empty one', () => {
  const files = new HashDirectory(join(tempDir(testScope()), 'files'));
  expect(files.list()).toEqual([]);
  expect(files.read(A)).toBeUndefined();
  files.prune(new Set());
  files.remove(A);
});

it('lists and reads files named by a hash, and prunes everything else but what is kept', () => {
  const dir = join(tempDir(testScope()), 'files');
  const files = new HashDirectory(dir);
  files.make();
  for (const hash of [A, B]) writeFileSync(files.path(hash), hash);
  writeFileSync(join(dir, `${A}.new`), 'left by a crash');
  expect(files.list().sort()).toEqual([A, B]);
  expect(files.read(B)?.toString()).toBe(B);
  files.prune(new Set([A]));
  expect(files.list()).toEqual([A]);
  expect(existsSync(join(dir, `${A}.new`))).toBe(false);
});
