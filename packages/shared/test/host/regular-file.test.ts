import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import { describe, expect, test } from 'vitest';
import { kindOf } from '../support/kind-of.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

describe('readRegularFile', () => {
  test.each([0, 1, 65_535, 65_536, 65_537, 200_000])('reads %d bytes, also through a symlink', (size) => {
    const dir = temporaryDirectory();
    const content = Buffer.alloc(size, 'content');
    writeFileSync(join(dir, 'file'), content);
    symlinkSync('file', join(dir, 'link'));
    expect(readRegularFile(join(dir, 'link'), size).equals(content)).toBe(true);
    if (size > 0) expect(kindOf(() => readRegularFile(join(dir, 'file'), size - 1))).toBe('too-large');
  });

  test('reads files whose size the system does not tell', () => {
    expect(readRegularFile('/proc/self/stat', 10_000).length).toBeGreaterThan(10);
  });

  test('refuses what is none, without waiting or reading', () => {
    const dir = temporaryDirectory();
    execFileSync('mkfifo', [join(dir, 'fifo')]);
    symlinkSync('/dev/zero', join(dir, 'zeros'));
    for (const path of [join(dir, 'fifo'), join(dir, 'zeros'), '/dev/null', dir]) {
      expect(() => readRegularFile(path, 100)).toThrow(`${path} is not a regular file`);
    }
  });

  test('leaves what the system says as it is', () => {
    expect(() => readRegularFile('/nonexistent', 100)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});
