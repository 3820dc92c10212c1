import { type BigIntStats, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { type ByteName, byteName, fsPath, showName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';
import { copyNode, takeDirectoryAttributes } from './copy-node.js';
import { HeldDirectory } from './held-directory.js';
import type { CopyTask, TreeCounts } from './tree-task.js';

/**
 * Copies what is in a directory into an empty one, as copy-tree.ts says. Every step goes through a handle on the directory that
 * is written to, which is closed to others until all in it is done: nobody can turn what is written to somewhere else.
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
    for (const name of named(path, () => readdirSync(fsPath(from), 'latin1'))) {
      const child = {
        from: `${from}/${name}`,
        to: held.at(name),
        path: `${path}${path && '/'}${name}`,
        counts,
      };
      const stats = named(child.path, () => lstatSync(fsPath(child.from), { bigint: true }));
      if (stats.isDirectory()) {
        named(child.path, () => mkdirSync(fsPath(child.to), 0o700));
        copyDirectory(child, stats);
        continue;
      }
      named(child.path, () => copyNode(child.from, child.to, stats));
      if (!stats.isFile()) continue;
      counts.entries += 1;
      counts.bytes += Number(stats.size);
    }
    named(path, () => takeDirectoryAttributes(held.self, source));
  } finally {
    held.close();
  }
}

type Attributes = Pick<BigIntStats, 'mode' | 'uid' | 'gid' | 'mtimeNs'>;

/** @throws DeployError that names the file in the tree. */
function named<T>(path: ByteName, act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    const { kind, message, hint } = toDeployError(thrown);
    const more = hint === undefined ? {} : { hint };
    throw new DeployError(kind, `${path === '' ? 'the tree' : showName(path)} cannot be copied: ${message}`, {
      ...more,
      cause: thrown,
    });
  }
}
