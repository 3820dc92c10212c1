import { closingOrder, emptyDirectories } from '@deploy-tools/agent/release/assemble/directory-order.js';
import { TreeLayer } from '@deploy-tools/agent/release/plan/release-tree.js';
import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import { expect, it } from 'vitest';

function entry(path: string, type: SafeEntry['type'], mode = 0o755): SafeEntry {
  const owner = { uid: 0, gid: 0, deviceMajor: 0, deviceMinor: 0 };
  return { ...owner, path, type, mode, size: 0, linkTarget: '', mtimeSeconds: 1, mtimeNanoseconds: 0 };
}

const pathsOf = (entries: Iterable<SafeEntry>) => Array.from(entries, ({ path }) => path);

it('finds the directories that no file makes on its way', () => {
  const layer = new TreeLayer();
  const entries = [
    ...['', 'a', 'a/b', 'a/b/c', 'd', 'e'].map((path) => entry(path, 'directory')),
    entry('d/file', 'file'),
    entry('e/link', 'symlink'),
    entry('a/file', 'file'),
  ];
  for (const [index, one] of entries.entries()) layer.lay(one, { layer: 0, index }, []);
  expect(pathsOf(emptyDirectories(layer.tree()))).toEqual(['a/b/c']);
});

it('closes directories before those that hold them, and the root last', () => {
  const directories = [
    entry('', 'directory'),
    entry('a', 'directory', 0o500),
    entry('a/b', 'directory'),
    entry('a/c', 'directory', 0o600),
    entry('a/c/d', 'directory', 0o000),
    entry('z', 'directory', 0o700),
  ];
  const { atOnce, inOrder } = closingOrder(directories);
  expect(pathsOf(atOnce)).toEqual(['a/b', 'z']);
  expect(pathsOf(inOrder)).toEqual(['a/c/d', 'a/c', 'a', '']);
});
