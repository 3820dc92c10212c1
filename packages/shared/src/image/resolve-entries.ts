import { type ByteName, showName } from '../archive/byte-name.js';
import { parentPath } from '../archive/path-guard.js';
import { DeployError } from '../errors.js';
import { type LayerEntry, whiteoutOf } from './layer-plan.js';

/** An entry as its layer says it. */
export interface ScannedEntry extends LayerEntry {
  /** Target of a symlink as it stands in the layer; empty for anything else. */
  readonly symlinkTarget: ByteName;
}

/** Symlinks followed on the way to one path: what Linux follows (path_resolution(7)). */
const MAX_FOLLOWED = 40;

/**
 * Gives every entry the path at which it comes to lie when the layers are applied. An image whose lower layer has
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

/** The symlinks of an image, as far as its layers have been applied. */
class ImageLinks {
  /** By resolved path: where each leads, and which layer laid it. */
  readonly #links = new Map<ByteName, { readonly target: ByteName; readonly layer: number }>();
  /** Directories below which there is, or was, a symlink: nearly every path is spared a search. */
  readonly #holders = new Set<ByteName>();

  /** The path with the symlinks among its directories followed; the root is where `..` ends. */
  resolve(path: ByteName): ByteName {
    if (this.#links.size === 0) return path;
    const parent = parentPath(path);
    const at = this.#follow(parent);
    return at === parent ? path : joined(at, path.slice(path.lastIndexOf('/') + 1));
  }

  /** Notes what an entry, its path resolved, changes. */
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

  /** Forgets the symlink at a path, when a layer below that one laid it. */
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
          `the directory ${showName(directory)} is a symlink that leads nowhere`,
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
