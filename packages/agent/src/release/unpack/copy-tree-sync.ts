import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { type ByteName, byteName, fsPath, showName } from '@deploy-tools/shared/archive/byte-name.js';
import { rewordError } from '@deploy-tools/shared/errors.js';
import { copyNode, type SourceAttributes, takeAttributes } from './copy-node.js';
import { HeldDirectory, withNames } from './held-directory.js';
import type { CopyTask, TreeCounts } from './tree-task.js';

/**
 * Copies the content of a directory into an empty one: see {@link copyTree}. Every step goes through a handle on a directory, so
 * nobody can redirect it: the source may belong to another user, and the copy is closed to others until it is complete.
 * @returns regular files, as entries, and the bytes of their contents.
 */
export function copyTreeSync({ from, to, rootMode }: Omit<CopyTask, 'kind'>): TreeCounts {
  const counts = { entries: 0, bytes: 0, stripped: 0 };
  const root = byteName(from);
  const source = lstatSync(fsPath(root), { bigint: true });
  copyDirectory({ from: root, to: byteName(to), path: '', counts }, { ...source, mode: BigInt(rootMode) });
  return counts;
}

interface TreeCopy {
  readonly from: ByteName;
  readonly to: ByteName;
  /** Below the root; empty for the root. */
  readonly path: ByteName;
  readonly counts: { entries: number; bytes: number };
}

/** Copies a directory to one that exists. */
function copyDirectory({ from, to, path, counts }: TreeCopy, source: SourceAttributes): void {
  const target = named(path, () => new HeldDirectory(to));
  try {
    const held = named(path, () => new HeldDirectory(from));
    try {
      for (const name of named(path, () => readdirSync(held.self, 'latin1'))) {
        const childPath = `${path}${path && '/'}${name}`;
        copyChild({ from: held.at(name), to: target.at(name), path: childPath, counts });
      }
    } finally {
      held.close();
    }
    named(path, () => takeAttributes(target.self, source));
  } finally {
    target.close();
  }
}

function copyChild(child: TreeCopy): void {
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

/** @throws DeployError that names the file in the tree. */
function named<T>(path: ByteName, act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    const name = path === '' ? 'the tree' : showName(path);
    throw rewordError(withNames(thrown), (message) => `${name} cannot be copied: ${message}`);
  }
}
