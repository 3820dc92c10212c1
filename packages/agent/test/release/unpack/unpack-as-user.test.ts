import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeTreeSync } from '@deploy-tools/agent/release/unpack/remove-tree-sync.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RawEntry, tarOf } from '../../../../shared/test/archive/tar-builder.js';
import { makeScratch } from './scratch-unpack.js';
import { snapshotTree, withoutFreshTimes } from './tree-snapshot.js';

const SCRIPT = fileURLToPath(new URL('./unpack-as-user.mjs', import.meta.url));
const NOBODY = 65534;
const asRoot = process.getuid?.() === 0;
const user = asRoot ? { uid: NOBODY, gid: NOBODY } : {};

const ENTRIES: RawEntry[] = [
  { name: './', flag: '5', mode: 0o755 },
  { name: 'closed', flag: '5', mode: 0 },
  { name: 'closed/deep', flag: '5', mode: 0o500 },
  { name: 'closed/deep/f', mode: 0, content: 'x' },
  { name: 'closed/deep/g', flag: '1', linkName: 'closed/deep/f' },
  { name: 'read-only', mode: 0o444, content: 'x' },
  { name: 'for-all', mode: 0o777, uid: 12, gid: 34, content: 'x' },
  { name: 'for-all-dir', flag: '5', mode: 0o777 },
  { name: 'link', flag: '2', linkName: 'read-only' },
];

let dir: string;
let archive: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'unpack-user-'));
  chmodSync(dir, 0o777);
  archive = join(dir, 'archive.tar');
  writeFileSync(archive, tarOf(ENTRIES));
});
afterEach(() => removeTreeSync(dir));

function directoryOf(name: string): string {
  const path = join(dir, name);
  mkdirSync(path);
  if (asRoot) chownSync(path, NOBODY, NOBODY);
  return path;
}

const run = (...args: string[]): void => {
  execFileSync(process.execPath, [SCRIPT, ...args], { stdio: 'pipe' });
};

describe('as an ordinary user', () => {
  it('modes are those of the archive whatever the umask, as with tar -p', () => {
    const begun = Date.now();
    const ours = directoryOf('ours');
    run('unpack', archive, ours);
    const theirs = directoryOf('theirs');
    execFileSync('tar', ['-xpf', archive, '-C', theirs], { ...user, stdio: 'pipe' });
    // Root's eyes, or a copy that can be read: snapshots need to enter closed directories.
    if (!asRoot) for (const tree of [ours, theirs]) execFileSync('chmod', ['-R', 'u+rwX', tree]);
    const [a, b] = [snapshotTree(ours), snapshotTree(theirs)];
    expect(withoutFreshTimes(a, b, begun)).toEqual(withoutFreshTimes(b, a, begun));
    expect(statSync(join(ours, 'for-all')).uid).toBe(asRoot ? NOBODY : process.getuid?.());
  });

  it('a tree with directories of no permissions is removed', () => {
    const ours = directoryOf('ours');
    run('unpack', archive, ours);
    run('remove', join(ours, 'closed'));
    expect(existsSync(join(ours, 'closed'))).toBe(false);
    expect(existsSync(join(ours, 'read-only'))).toBe(true);
  });
});

describe('ownership', () => {
  const owners = (root: string) =>
    ['closed', 'for-all', 'link'].map((name) => {
      const { uid, gid } = statSync(join(root, name));
      return { uid, gid };
    });

  it('is that of the archive when asked for, as far as the user may give files away', async () => {
    const scratch = makeScratch();
    try {
      const unpacked = scratch.unpack([archive], { ownership: 'archive' });
      if (!asRoot) {
        await expect(unpacked).rejects.toMatchObject({ kind: 'denied' });
        return;
      }
      await unpacked;
      const reference = scratch.reference([archive], '--same-owner', '--numeric-owner');
      expect(owners(scratch.root)).toEqual(owners(reference));
      expect(statSync(join(scratch.root, 'for-all'))).toMatchObject({ uid: 12, gid: 34 });
      expect(snapshotTree(scratch.root)).toEqual(snapshotTree(reference));
    } finally {
      scratch.remove();
    }
  });

  it('is the agent’s otherwise', async () => {
    const scratch = makeScratch();
    try {
      await scratch.unpack([archive]);
      expect(statSync(join(scratch.root, 'for-all')).uid).toBe(process.getuid?.());
    } finally {
      scratch.remove();
    }
  });
});
