import type { ByteName } from '../archive/byte-name.js';
import { parentPath } from '../archive/path-guard.js';
import type { TarEntryType } from '../archive/tar-entry.js';

/** The facts of an entry that decide about its place. */
export interface LayerEntry {
  /** A path of `memberPath`; empty for the root. */
  readonly path: ByteName;
  readonly type: TarEntryType;
  /** The target of a hard link, like `path`; else empty. */
  readonly linkPath: ByteName;
}

/** The place of an entry in its archive, and the target of a hard link. */
export interface Placement {
  readonly path: ByteName;
  readonly linkPath: ByteName;
}

/** A placement for each entry of a layer, in order; undefined for an entry that is left out. */
export type LayerPlan = readonly (Placement | undefined)[];

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
const METADATA = '.wh..wh.';

/** A removal from the lower layers: a path with all below it (`removed`), or only the entries below it (`opaque`). */
export interface Whiteout {
  /** `metadata` removes nothing: AUFS's own. */
  readonly kind: 'removed' | 'opaque' | 'metadata';
  readonly path: ByteName;
}

/** Reads an entry's name as a whiteout; undefined when it is none. */
export function whiteoutOf(path: ByteName): Whiteout | undefined {
  const parent = parentPath(path);
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (!name.startsWith(WHITEOUT)) return undefined;
  if (name === OPAQUE) return { kind: 'opaque', path: parent };
  if (name.startsWith(METADATA) || name === WHITEOUT) return { kind: 'metadata', path };
  const removed = name.slice(WHITEOUT.length);
  return { kind: 'removed', path: parent === '' ? removed : `${parent}/${removed}` };
}

/**
 * Decides which entries of each layer remain, so that unpacking them in order makes the image's file system without whiteouts (OCI
 * image-spec, "Layer Filesystem Changeset"; whiteouts came from AUFS).
 *
 * - `.wh.NAME` removes NAME, and all below it, from the layers under its own.
 * - `.wh..wh..opq` removes all below its directory from the layers under its own.
 * - Other `.wh..wh.*` are AUFS's own; they and all whiteouts are left out.
 * - A directory that replaces something else, or is replaced, takes the old one with it.
 * - Of a file that is removed while hard links to it remain, the first link becomes the file.
 * - Devices and FIFOs are left out: an agent would refuse the whole release for them. So is the root itself.
 *
 * @param layers from the lowest up, their entries where they come to lie: see resolve-entries.ts.
 */
export function planLayers(layers: readonly (readonly LayerEntry[])[]): LayerPlan[] {
  const above = new Above();
  const plans: LayerPlan[] = [];
  for (const entries of [...layers].reverse()) {
    plans.push(
      keepLinks(
        entries,
        entries.map((entry) => isWanted(entry) && !above.hides(entry)),
      ),
    );
    above.add(entries);
  }
  return plans.reverse();
}

function isWanted({ path, type }: LayerEntry): boolean {
  return path !== '' && !isSpecial(type) && !path.split('/').some((part) => part.startsWith(WHITEOUT));
}

function isSpecial(type: TarEntryType): boolean {
  return type === 'character-device' || type === 'block-device' || type === 'fifo';
}

/** The removals by the layers above the next one. */
class Above {
  /** Removed with all below. */
  readonly #removed = new Set<ByteName>();
  /** All below them is removed. */
  readonly #opaque = new Set<ByteName>();
  readonly #directories = new Set<ByteName>();
  /** Anything but directories. */
  readonly #others = new Set<ByteName>();

  add(entries: readonly LayerEntry[]): void {
    for (const { path, type } of entries) {
      const whiteout = whiteoutOf(path);
      if (whiteout?.kind === 'opaque') this.#opaque.add(whiteout.path);
      else if (whiteout?.kind === 'removed') this.#removed.add(whiteout.path);
      else if (whiteout !== undefined) continue;
      else if (type === 'directory') this.#directories.add(path);
      else this.#others.add(path);
    }
  }

  hides({ path, type }: LayerEntry): boolean {
    if (this.#removed.has(path)) return true;
    if (type === 'directory' ? this.#others.has(path) : this.#directories.has(path)) return true;
    for (let at = path; at !== ''; ) {
      at = parentPath(at);
      if (this.#removed.has(at) || this.#opaque.has(at) || this.#others.has(at)) return true;
    }
    return false;
  }
}

/** Makes the first remaining hard link to a removed file the file itself. */
function keepLinks(entries: readonly LayerEntry[], kept: readonly boolean[]): LayerPlan {
  const files = linkedFiles(entries);
  const heirs = new Map<number, number>();
  for (const [index, file] of files) {
    if (kept[index] === true && kept[file] !== true && !heirs.has(file)) heirs.set(file, index);
  }
  return entries.map((entry, index) => {
    const heir = heirs.get(index);
    if (heir !== undefined && !isSpecial(entry.type))
      return { path: entries[heir]?.path ?? '', linkPath: '' };
    if (kept[index] !== true) return undefined;
    const file = files.get(index);
    if (file === undefined) return { path: entry.path, linkPath: entry.linkPath };
    if (isSpecial(entries[file]?.type ?? 'file')) return undefined;
    const fileHeir = heirs.get(file);
    if (fileHeir === index) return undefined;
    return { path: entry.path, linkPath: entries[fileHeir ?? file]?.path ?? '' };
  });
}

/** The index of the linked file, by the index of the hard link, in one layer. */
function linkedFiles(entries: readonly LayerEntry[]): Map<number, number> {
  const files = new Map<number, number>();
  const latest = new Map<ByteName, number>();
  for (const [index, { path, type, linkPath }] of entries.entries()) {
    const target = type === 'hardlink' ? latest.get(linkPath) : undefined;
    if (target !== undefined) files.set(index, files.get(target) ?? target);
    latest.set(path, index);
  }
  return files;
}
