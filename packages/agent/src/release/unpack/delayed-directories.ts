import { type ByteName, fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import { attributesOf, setDirectoryAttributes, setRootAttributes } from './attributes.js';
import type { Ownership } from './tree-task.js';

/**
 * Owner, mode and time of directories, kept back until everything is unpacked: content changes a directory's time,
 * and a mode such as 0500 would keep its content out.
 */
export class DelayedDirectories {
  readonly #entries = new Map<ByteName, SafeEntry>();

  /** The last entry of a path wins. */
  set(entry: SafeEntry): void {
    this.#entries.set(entry.path, entry);
  }

  /** For a directory that something else replaced. */
  forget(path: ByteName): void {
    this.#entries.delete(path);
  }

  /** Applies them, a directory always before the one that holds it, which its mode may close. */
  apply(root: ByteName, ownership: Ownership): void {
    const paths = [...this.#entries.keys()].sort().reverse();
    for (const path of paths) {
      const entry = this.#entries.get(path);
      if (entry === undefined) continue;
      const attributes = attributesOf(entry);
      if (path === '') setRootAttributes(fsPath(root), attributes, ownership);
      else setDirectoryAttributes(fsPath(`${root}/${path}`), attributes, ownership);
    }
  }
}
