import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stepsOf } from '@deploy-tools/registry/ssh/path-steps.js';
import { beforeEach, expect, onTestFinished, test } from 'vitest';

let dir: string;

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'deploy-test-')));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
});

/** The steps of a path in the test's directory, as paths that are relative to it. */
async function steps(path: string): Promise<string> {
  const found = await stepsOf(`${dir}/${path}`);
  return found.map((step) => relative(dir, join(step.directory, step.name)) || '.').join(', ');
}

test('a path without links has one step, in whatever directories it is', async () => {
  mkdirSync(join(dir, 'a', 'b'), { recursive: true });
  writeFileSync(join(dir, 'a', 'b', 'keys'), '');
  expect(await steps('a/b/keys')).toBe('a/b/keys');
  expect(await steps('a//./b/../b/keys')).toBe('a/b/keys');
});

test('links of files and of directories, relative and absolute, are steps in the order of the way', async () => {
  mkdirSync(join(dir, 'store', '..2026'), { recursive: true });
  mkdirSync(join(dir, 'etc'));
  writeFileSync(join(dir, 'store', '..2026', 'keys'), '');
  symlinkSync('..2026', join(dir, 'store', '..data'));
  symlinkSync('..data/keys', join(dir, 'store', 'keys'));
  symlinkSync('../store', join(dir, 'etc', 'store'));
  symlinkSync(join(dir, 'etc', 'store', 'keys'), join(dir, 'keys'));
  expect(await steps('keys')).toBe('keys, etc/store, store/keys, store/..data, store/..2026/keys');
});

test('a way that leads nowhere ends at the name that is missing', async () => {
  symlinkSync('etc/deploy/keys', join(dir, 'keys'));
  expect(await steps('keys')).toBe('keys, etc');
  mkdirSync(join(dir, 'etc'));
  expect(await steps('keys')).toBe('keys, etc/deploy');
});

test('a file where a directory ought to be is the last step', async () => {
  writeFileSync(join(dir, 'etc'), '');
  expect(await steps('etc/deploy/keys')).toBe('etc');
});

test('a link to a directory, or to a parent, has an end', async () => {
  mkdirSync(join(dir, 'a'));
  symlinkSync('.', join(dir, 'a', 'here'));
  symlinkSync('..', join(dir, 'a', 'up'));
  expect(await steps('a/here')).toBe('a/here');
  expect(await steps('a/here/up/a')).toBe('a/here, a/up, a');
});

test('links in a circle have an end', async () => {
  symlinkSync('b', join(dir, 'a'));
  symlinkSync('a', join(dir, 'b'));
  expect(await steps('a')).toMatch(/^a, b, a, b/);
});
