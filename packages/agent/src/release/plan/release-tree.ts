import { type ByteName, showName } from '@deploy-tools/shared/archive/byte-name.js';
import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import { parentPath } from '@deploy-tools/shared/archive/path-guard.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { ChunkRef } from '@deploy-tools/shared/layers/manifest.js';
import { FILE_IN_THE_WAY, writeError } from '../unpack/write-error.js';

/** The layer of a node, and its entry there. */
export interface EntryPlace {
  readonly layer: number;
  readonly index: number;
}

/** A file, symlink, FIFO or device of a release: one inode, under one name or several. */
export interface TreeNode {
  readonly entry: SafeEntry;
  readonly place: EntryPlace;
  /** The content of a file. */
  readonly chunks: readonly ChunkRef[];
  /** At least one; the first is the entry's own, unless a later entry has replaced it. */
  readonly paths: readonly ByteName[];
}

/** The tree of a release. */
export interface ReleaseTree {
  /** Directories with an entry, by path. */
  readonly directories: ReadonlyMap<ByteName, SafeEntry>;
  /** Directories without an entry. */
  readonly implicit: readonly ByteName[];
  readonly nodes: readonly TreeNode[];
}

interface Node extends TreeNode {
  readonly paths: ByteName[];
}

/**
 * Lays the entries of a release, all layers in order, and so finds out without touching a disk what unpacking them one
 * after another would leave: what a later entry replaces is gone, what a hard link kept is not.
 */
export class TreeLayer {
  readonly #nodes = new Map<ByteName, Node>();
  readonly #directories = new Map<ByteName, SafeEntry | undefined>([['', undefined]]);
  /** The directory of the last entry, often also of the next one. */
  #directory: ByteName = '';

  /**
   * @param entry admitted by the policy of the release.
   * @throws DeployError invalid, when unpacking would fail there.
   */
  lay(entry: SafeEntry, place: EntryPlace, chunks: readonly ChunkRef[]): void {
    const { path } = entry;
    this.#enter(path);
    if (entry.type === 'directory') {
      this.#nodes.delete(path);
      this.#directories.set(path, entry);
    } else if (entry.type === 'hardlink') {
      this.#link(path, entry.linkTarget);
    } else {
      this.#put(path, { entry, place, chunks, paths: [] });
    }
  }

  /** Called once, after the last entry. */
  tree(): ReleaseTree {
    const nodes: Node[] = [];
    for (const [path, node] of this.#nodes) {
      if (node.paths.length === 0) nodes.push(node);
      if (path === node.entry.path) node.paths.unshift(path);
      else node.paths.push(path);
    }
    const directories = new Map<ByteName, SafeEntry>();
    const implicit: ByteName[] = [];
    for (const [path, entry] of this.#directories) {
      if (entry !== undefined) directories.set(path, entry);
      else if (path !== '') implicit.push(path);
    }
    return { directories, implicit, nodes };
  }

  /** Puts a node. The policy has ensured that it replaces no directory with content. */
  #put(path: ByteName, node: Node): void {
    if (this.#directories.delete(path)) this.#directory = '';
    this.#nodes.set(path, node);
  }

  #enter(path: ByteName): void {
    const parent = parentPath(path);
    if (parent === this.#directory) return;
    this.#parents(path, parent);
    this.#directory = parent;
  }

  #parents(path: ByteName, parent: ByteName): void {
    if (this.#directories.has(parent)) return;
    this.#parents(path, parentPath(parent));
    if (this.#nodes.has(parent)) throw writeError(path, new DeployError('invalid', FILE_IN_THE_WAY));
    this.#directories.set(parent, undefined);
  }

  /** A link to itself changes nothing. */
  #link(path: ByteName, target: ByteName): void {
    const node = this.#nodes.get(target);
    if (path === target && (node !== undefined || this.#directories.has(path))) return;
    if (node === undefined) {
      const why = this.#directories.has(target) ? 'is a directory' : 'does not exist';
      throw writeError(path, new DeployError('invalid', `its link target ${showName(target)} ${why}`));
    }
    this.#put(path, node);
  }
}
