import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '@deploy-tools/shared/host/make-directory.js';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.js';

const codeOf = (code: string) => expect.objectContaining({ code });

describe('makeDirectory', () => {
  test('makes all that is missing, with the mode, and leaves the rest', () => {
    const dir = temporaryDirectory();
    mkdirSync(join(dir, 'there'), { mode: 0o755 });
    makeDirectory(join(dir, 'there', 'a', 'b'), 0o700);
    makeDirectory(join(dir, 'there', 'a', 'b'), 0o755);
    const modes = ['there', 'there/a', 'there/a/b'].map((path) => statSync(join(dir, path)).mode & 0o777);
    expect(modes).toEqual([0o755, 0o700, 0o700]);
  });

  test('says that there is something else in the way', () => {
    const dir = temporaryDirectory();
    writeFileSync(join(dir, 'file'), '');
    symlinkSync('nowhere', join(dir, 'dangling'));
    expect(() => makeDirectory(join(dir, 'file'), 0o700)).toThrow(codeOf('EEXIST'));
    expect(() => makeDirectory(join(dir, 'file', 'below'), 0o700)).toThrow(codeOf('ENOTDIR'));
    expect(() => makeDirectory(join(dir, 'dangling'), 0o700)).toThrow(codeOf('ENOENT'));
  });

  test('ends where the system takes no new names', () => {
    for (const path of ['/proc/x', '/proc/x/y/z']) {
      expect(() => makeDirectory(path, 0o700)).toThrow(codeOf('ENOENT'));
    }
  });
});
