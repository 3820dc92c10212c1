import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from '@deploy-tools/agent/release/unpack/run-tree-task.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'remove-tree-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));

const remove = (path: string, signal = new AbortController().signal) => removeTree(path, signal);

describe('removeTree', () => {
  it('removes files, links and directories, and follows no link', async () => {
    writeFileSync(join(dir, 'kept'), 'kept');
    mkdirSync(join(dir, 'kept-dir'));
    writeFileSync(join(dir, 'kept-dir', 'f'), 'kept');
    const tree = join(dir, 'tree');
    mkdirSync(join(tree, 'a', 'b'), { recursive: true });
    writeFileSync(Buffer.concat([Buffer.from(`${tree}/a/raw`), Buffer.from([0xff])]), 'x');
    symlinkSync('../../kept', join(tree, 'a', 'file-link'));
    symlinkSync('../../kept-dir', join(tree, 'a', 'dir-link'));
    await remove(tree);
    expect(existsSync(tree)).toBe(false);
    expect(readFileSync(join(dir, 'kept'), 'utf8')).toBe('kept');
    expect(readFileSync(join(dir, 'kept-dir', 'f'), 'utf8')).toBe('kept');
  });

  it('removes a symlink, not what it leads to', async () => {
    mkdirSync(join(dir, 'kept'));
    symlinkSync('kept', join(dir, 'link'));
    await remove(join(dir, 'link'));
    expect(existsSync(join(dir, 'link'))).toBe(false);
    expect(existsSync(join(dir, 'kept'))).toBe(true);
  });

  it('is content with nothing there', async () => {
    await remove(join(dir, 'nothing'));
  });

  it('does nothing when the signal was aborted', async () => {
    await expect(remove(dir, AbortSignal.abort())).rejects.toMatchObject({ kind: 'cancelled' });
    expect(existsSync(dir)).toBe(true);
  });
});
