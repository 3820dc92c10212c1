import { type ByteName, showName } from '../archive/byte-name.js';
import { parentPath } from '../archive/path-guard.js';
import { DeployError } from '../errors.js';
import { type LayerEntry, whiteoutOf } from './layer-plan.js';

/** An entry as in its layer. */
export interface ScannedEntry extends LayerEntry {
  /** The target of a symlink as in the layer; else empty. */
  readonly symlinkTarget: ByteName;
}

/** The most symlinks that are followed for one path, as in Linux (path_resolution(7)). */
const MAX_FOLLOWED = 40;

/**
 * Resolves the path of every entry to its place in the image. An image whose lower layer has
 * `bin -> usr/bin` may hold `bin/new` in a higher one: container runtimes follow the symlink, within the image's root,
 * and write `usr/bin/new`. The directories above an entry are resolved so, those of whiteouts and of hard links' targets
 * too; the last part of a path never is.
 * @param layers from the lowest up. @throws DeployError invalid, for symlinks that lead in a circle.
 */
export function resolveEntries(layers: readonly (readonly ScannedEntry[])[]): LayerEntry[][] {
  const links = new ImageLinks();
  return layers.map((entries, layer) =>
    entries.map((entry) => {
      const path = links.resolve(entry.path);
      const linkPath = entry.linkPath === '' ? '' : links.resolve(entry.linkPath);
      links.lay({ ...entry, path, linkPath }, layer);
      return { path, type: entry.type, linkPath };
    }),
  );
}

/** The symlinks of the applied layers of an image. */
class ImageLinks {
  /** The target and the layer of each symlink, by its resolved path. */
  readonly #links = new Map<ByteName, { readonly target: ByteName; readonly layer: number }>();
  /** Directories with a symlink somewhere below, now or earlier: other paths need no search. */
  readonly #holders = new Set<ByteName>();

  /** The path with the symlinks among its directories followed; the root is where `..` ends. */
  resolve(path: ByteName): ByteName {
    if (this.#links.size === 0) return path;
    const parent = parentPath(path);
    const at = this.#follow(parent);
    return at === parent ? path : joined(at, path.slice(path.lastIndexOf('/') + 1));
  }

  /** Applies an entry with a resolved path. */
  lay({ path, type, linkPath, symlinkTarget }: ScannedEntry, layer: number): void {
    const whiteout = whiteoutOf(path);
    if (whiteout !== undefined) {
      if (whiteout.kind === 'removed') this.#remove(whiteout.path, layer);
      if (whiteout.kind !== 'metadata') this.#removeBelow(whiteout.path, layer);
      return;
    }
    const target = type === 'hardlink' ? this.#links.get(linkPath)?.target : symlinkTarget;
    this.#remove(path, layer + 1);
    if (type !== 'directory') this.#removeBelow(path, layer + 1);
    if (target === undefined || target === '') return;
    this.#links.set(path, { target, layer });
    for (let at = path; at !== '' && !this.#holders.has(parentPath(at)); at = parentPath(at)) {
      this.#holders.add(parentPath(at));
    }
  }

  /** Removes the symlink at a path, when it is of a layer below this one. */
  #remove(path: ByteName, layer: number): void {
    const link = this.#links.get(path);
    if (link !== undefined && link.layer < layer) this.#links.delete(path);
  }

  #removeBelow(path: ByteName, layer: number): void {
    if (!this.#holders.has(path)) return;
    for (const at of this.#links.keys()) {
      if (path === '' || at.startsWith(`${path}/`)) this.#remove(at, layer);
    }
  }

  #follow(directory: ByteName): ByteName {
    const todo = directory.split('/').reverse();
    let at: ByteName = '';
    let followed = 0;
    for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
      if (part === '' || part === '.') continue;
      if (part === '..') {
        at = parentPath(at);
        continue;
      }
      const next = joined(at, part);
      const link = this.#links.get(next);
      if (link === undefined) {
        at = next;
        continue;
      }
      followed += 1;
      if (followed > MAX_FOLLOWED) {
        throw new DeployError(
          'invalid',
          `the symlinks of the directory ${showName(directory)} form a circle`,
        );
      }
      if (link.target.startsWith('/')) at = '';
      todo.push(...link.target.split('/').reverse());
    }
    return at;
  }
}

function joined(directory: ByteName, name: ByteName): ByteName {
  return directory === '' ? name : `${directory}/${name}`;
}
