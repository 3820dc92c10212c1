import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';
import type { LayerEntry } from './layer-entry.js';

const SLASH = 0x2f;

/**
 * Sorts the entries of an archive into the order of the manifest (docs/manifest-and-pack.md, "Order"), in which the first name of
 * a group of hard links is the file. An archive whose meaning depends on its own order keeps that order.
 * @param entries in the order of the archive.
 */
export function layerOrder(entries: readonly LayerEntry[]): readonly LayerEntry[] {
  const grouped = groupHardLinks(entries);
  if (grouped === undefined || hasLateDirectory(entries)) return entries;
  grouped.sort(compareEntries);
  const twice = grouped.some((entry, at) => entry.path === grouped[at + 1]?.path);
  // One of two equal paths may be a hard link, which is sorted behind all other entries.
  return twice || repeatsAcross(grouped) ? entries : grouped;
}

/** Compares bytes, a slash before every other byte: a directory stands before its entries, which stand together. */
export function comparePaths(a: ByteName, b: ByteName): number {
  const most = Math.min(a.length, b.length);
  for (let at = 0; at < most; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left === right) continue;
    if (left === SLASH) return -1;
    return right === SLASH ? 1 : left - right;
  }
  return a.length - b.length;
}

function compareEntries(a: LayerEntry, b: LayerEntry): number {
  const links = Number(a.type === 'hardlink') - Number(b.type === 'hardlink');
  return links === 0 ? comparePaths(a.path, b.path) : links;
}

function repeatsAcross(sorted: readonly LayerEntry[]): boolean {
  const first = sorted.findIndex((entry) => entry.type === 'hardlink');
  if (first < 0) return false;
  const links = new Set(sorted.slice(first).map((entry) => entry.path));
  return sorted.slice(0, first).some((entry) => links.has(entry.path));
}

/**
 * Whether a directory stands after one of its entries. The order matters over an earlier layer's file of that name: the directory
 * replaces the file, but an entry that comes first cannot be unpacked.
 */
function hasLateDirectory(entries: readonly LayerEntry[]): boolean {
  const parents = new Set<ByteName>();
  for (const { type, path } of entries) {
    if (type === 'directory' && parents.has(path)) return true;
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const parent = path.slice(0, end);
      if (parents.has(parent)) break;
      parents.add(parent);
    }
  }
  return false;
}

/**
 * In each group of hard links, makes the entry that comes first the file and the others links to it.
 * @returns undefined when a link does not lead to an earlier entry that can be linked to.
 */
function groupHardLinks(entries: readonly LayerEntry[]): LayerEntry[] | undefined {
  const grouped = [...entries];
  const owners = ownersOfLinks(entries);
  if (owners === undefined) return undefined;
  for (const [link, owner] of owners) {
    const linkEntry = grouped[link];
    const ownerEntry = grouped[owner];
    if (linkEntry === undefined || ownerEntry === undefined) return undefined;
    if (comparePaths(linkEntry.path, ownerEntry.path) >= 0) continue;
    grouped[owner] = { ...ownerEntry, path: linkEntry.path };
    grouped[link] = { ...linkEntry, path: ownerEntry.path };
  }
  for (const [link, owner] of owners) {
    const linkEntry = grouped[link];
    if (linkEntry !== undefined) grouped[link] = { ...linkEntry, target: grouped[owner]?.path ?? '' };
  }
  return grouped;
}

/** For the place of each hard link, the place of its file's entry; undefined when a link has none. */
function ownersOfLinks(entries: readonly LayerEntry[]): Map<number, number> | undefined {
  const targets = new Set<ByteName>();
  for (const entry of entries) if (entry.type === 'hardlink') targets.add(entry.target);
  const owners = new Map<number, number>();
  const places = new Map<ByteName, number>();
  for (const [at, entry] of entries.entries()) {
    let owner = at;
    if (entry.type === 'hardlink') {
      const found = places.get(entry.target);
      if (found === undefined || entries[found]?.type === 'directory') return undefined;
      owner = found;
      owners.set(at, owner);
    }
    if (targets.has(entry.path)) places.set(entry.path, owner);
  }
  return owners;
}
