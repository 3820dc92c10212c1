import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cutElf } from '../../tools/package/cut-elf.mjs';
import { writeTar } from '../../tools/package/write-tar.mjs';
import { testScope } from '../support/scope.js';
import { tempDir } from '../support/temp-dir.js';

describe('a program that is cut of its symbols', () => {
  it('runs as before, and is no larger', () => {
    const before = readFileSync(process.execPath);
    const cut = cutElf(before);
    const path = join(tempDir(testScope()), 'node');
    writeFileSync(path, cut, { mode: 0o755 });
    expect(execFileSync(path, ['-p', 'process.version'], { encoding: 'utf8' })).toContain(process.version);
    expect(cut.length).toBeLessThanOrEqual(before.length);
  });

  it('is refused when it is a script', () => {
    expect(() => cutElf(Buffer.from('#!/bin/sh\n'.repeat(10)))).toThrow('not an ELF file');
  });
});

describe('an archive of a package', () => {
  const time = new Date('2026-01-02T03:04:05Z');

  /** @param names in the order in which they are made. */
  async function packed(names: readonly string[], mode: number): Promise<string> {
    const root = tempDir(testScope());
    const tree = join(root, 'tree');
    mkdirSync(join(tree, 'bin'), { recursive: true, mode });
    for (const name of names) {
      writeFileSync(join(tree, name), name);
      chmodSync(join(tree, name), name.startsWith('bin/') ? mode : mode & 0o666);
      utimesSync(join(tree, name), names.indexOf(name), names.indexOf(name));
    }
    const to = join(root, 'package.tar.gz');
    await writeTar({ dir: tree, root: 'app-1', to, time });
    return to;
  }

  it('has the same bytes whatever the order, umask and time that its files were made with', async () => {
    const one = await packed(['bin/app', 'a', 'b'], 0o755);
    const other = await packed(['b', 'a', 'bin/app'], 0o700);
    expect(readFileSync(one).equals(readFileSync(other))).toBe(true);
  });

  it("is root's, with modes that everybody can use", async () => {
    const to = await packed(['bin/app', 'a'], 0o700);
    const listing = execFileSync('tar', ['--numeric-owner', '--utc', '-tvf', to], { encoding: 'utf8' });
    const lines = listing
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/ +/g, ' '));
    expect(lines).toEqual([
      'drwxr-xr-x 0/0 0 2026-01-02 03:04 app-1/',
      '-rw-r--r-- 0/0 1 2026-01-02 03:04 app-1/a',
      'drwxr-xr-x 0/0 0 2026-01-02 03:04 app-1/bin/',
      '-rwxr-xr-x 0/0 7 2026-01-02 03:04 app-1/bin/app',
    ]);
  });
});
