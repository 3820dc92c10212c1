import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';
import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import { parentPath } from '@deploy-tools/shared/archive/path-guard.js';
import type { ReleaseTree } from '../plan/release-tree.js';

/** Empty directories of a release, which no file's path makes. */
export function emptyDirectories({ directories, nodes }: ReleaseTree): SafeEntry[] {
  const parents = new Set<ByteName>(['']);
  let last = '';
  const occupy = (path: ByteName) => {
    const parent = parentPath(path);
    if (parent !== last) parents.add(parent);
    last = parent;
  };
  for (const { paths } of nodes) for (const path of paths) occupy(path);
  for (const path of directories.keys()) occupy(path);
  return [...directories.values()].filter(({ path }) => !parents.has(path));
}

/**
 * How directories get their attributes, when everything is in them: those that their mode does not close to their owner
 * in any order, several at once; after them the others and the root, a directory always before the one that holds it.
 */
export function closingOrder(directories: Iterable<SafeEntry>): {
  readonly atOnce: SafeEntry[];
  readonly inOrder: SafeEntry[];
} {
  const atOnce: SafeEntry[] = [];
  const inOrder: SafeEntry[] = [];
  for (const entry of directories) {
    const staysOpen = (entry.mode & 0o700) === 0o700 && entry.path !== '';
    (staysOpen ? atOnce : inOrder).push(entry);
  }
  inOrder.sort((a, b) => (a.path < b.path ? 1 : -1));
  return { atOnce, inOrder };
}
