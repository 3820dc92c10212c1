import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockDirectory, takeDirectory } from '@deploy-tools/shared/host/dir-lock.js';
import { describe, expect, test } from 'vitest';
import { kindOf } from '../support/kind-of.js';
import { startScript } from '../support/script-process.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** Takes the lock, says so, and holds it until it is ended. */
const HOLDER = `
  import { lockDirectory } from '@deploy-tools/shared/host/dir-lock.js';
  lockDirectory(process.argv[1], 'holder');
  console.log('locked');
  setInterval(() => {}, 1000);
`;

describe('lockDirectory', () => {
  test('another process is told who holds it; a killed holder frees it', async () => {
    const dir = temporaryDirectory();
    const holder = startScript(HOLDER, dir);
    expect(await holder.line()).toBe('locked');
    expect(kindOf(() => lockDirectory(dir, 'registry'))).toBe('locked');
    expect(() => lockDirectory(dir, 'registry')).toThrow(
      `${dir} is in use by another registry (process ${holder.pid})`,
    );
    await holder.kill();
    const lock = lockDirectory(dir, 'registry');
    expect(readFileSync(join(dir, 'lock'), 'utf8')).toBe(`${process.pid}\n`);
    lock.release();
  });

  test('one process cannot take it twice, and can take it again after releasing', () => {
    const dir = temporaryDirectory();
    const first = lockDirectory(dir, 'agent');
    expect(kindOf(() => lockDirectory(dir, 'agent'))).toBe('locked');
    first.release();
    lockDirectory(dir, 'agent').release();
  });

  test('a lock file left by a longer process number is written anew', () => {
    const dir = temporaryDirectory();
    writeFileSync(join(dir, 'lock'), '123456789012345\n');
    lockDirectory(dir, 'agent').release();
    expect(readFileSync(join(dir, 'lock'), 'utf8')).toBe(`${process.pid}\n`);
  });
});

describe('takeDirectory', () => {
  test('makes the directory with its mode', () => {
    const dir = join(temporaryDirectory(), 'a', 'b');
    takeDirectory(dir, 'agent', 0o700).release();
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });

  test('a path that cannot be a directory is denied, in one sentence', () => {
    const parent = temporaryDirectory();
    writeFileSync(join(parent, 'file'), '');
    for (const dir of [join(parent, 'file'), join(parent, 'file', 'below')]) {
      expect(kindOf(() => takeDirectory(dir, 'agent', 0o700))).toBe('denied');
      expect(() => takeDirectory(dir, 'agent', 0o700)).toThrow(`the data directory ${dir} is not writable`);
    }
  });

  test('a lock that cannot be opened is denied', () => {
    const dir = temporaryDirectory();
    mkdirSync(join(dir, 'lock'));
    chmodSync(dir, 0o700);
    expect(kindOf(() => takeDirectory(dir, 'agent', 0o700))).toBe('denied');
  });
});
