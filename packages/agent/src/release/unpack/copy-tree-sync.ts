import { type BigIntStats, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { type ByteName, byteName, fsPath, showName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { copyNode, takeDirectoryAttributes } from './copy-node.js';
import { HeldDirectory, withNames } from './held-directory.js';
import type { CopyTask, TreeCounts } from './tree-task.js';

/**
 * Copies what is in a directory into an empty one, as copy-tree.ts says. Every step goes through a handle: on the
 * directory that is written to, which is closed to others until all in it is done, and on the one that is read, which may be somebody
 * else's. Nobody can turn what is written, or read, to somewhere else.
 * @returns regular files, as entries, and the bytes of their contents.
 */
export function copyTreeSync({ from, to, rootMode }: CopyTask): TreeCounts {
  const counts = { entries: 0, bytes: 0, stripped: 0 };
  const root = byteName(from);
  const source = lstatSync(fsPath(root), { bigint: true });
  copyDirectory({ from: root, to: byteName(to), path: '', counts }, { ...source, mode: BigInt(rootMode) });
  return counts;
}

interface DirectoryCopy {
  readonly from: ByteName;
  /** A path to a directory that is there. */
  readonly to: ByteName;
  /** Below the root; empty for the root. */
  readonly path: ByteName;
  readonly counts: { entries: number; bytes: number };
}

function copyDirectory({ from, to, path, counts }: DirectoryCopy, source: Attributes): void {
  const held = named(path, () => new HeldDirectory(to));
  try {
    copyContent(
      named(path, () => new HeldDirectory(from)),
      held,
      { path, counts },
    );
    named(path, () => takeDirectoryAttributes(held.self, source));
  } finally {
    held.close();
  }
}

/** @param from is closed by it. */
function copyContent(
  from: HeldDirectory,
  to: HeldDirectory,
  { path, counts }: Pick<DirectoryCopy, 'path' | 'counts'>,
): void {
  try {
    for (const name of named(path, () => readdirSync(from.self, 'latin1'))) {
      const way = `${path}${path && '/'}${name}`;
      copyChild({ from: from.at(name), to: to.at(name), path: way, counts });
    }
  } finally {
    from.close();
  }
}

function copyChild(child: DirectoryCopy): void {
  const { from, to, path, counts } = child;
  const stats = named(path, () => lstatSync(fsPath(from), { bigint: true }));
  if (stats.isDirectory()) {
    named(path, () => mkdirSync(fsPath(to), 0o700));
    copyDirectory(child, stats);
    return;
  }
  named(path, () => copyNode(from, to, stats));
  if (!stats.isFile()) return;
  counts.entries += 1;
  counts.bytes += Number(stats.size);
}

type Attributes = Pick<BigIntStats, 'mode' | 'uid' | 'gid' | 'mtimeNs'>;

/** @throws DeployError that names the file in the tree. */
function named<T>(path: ByteName, act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    const { kind, message, hint } = withNames(thrown);
    const more = hint === undefined ? {} : { hint };
    throw new DeployError(kind, `${path === '' ? 'the tree' : showName(path)} cannot be copied: ${message}`, {
      ...more,
      cause: thrown,
    });
  }
}
