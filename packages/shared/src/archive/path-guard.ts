import { DeployError } from '../errors.js';
import { type ByteName, showName } from './byte-name.js';

/** Matches a name that is not in normal form: with a slash at an end or doubled, or with `.` or `..`. */
const NOT_NORMAL = /(?:^|\/)\.{0,2}(?:\/|$)/;

/** NAME_MAX of Linux: the most bytes between two slashes. */
const MAX_PART_BYTES = 255;

/**
 * Normalises the name of a member to a path below the root, without `.`, doubled or trailing slashes; empty for the root itself.
 * @throws DeployError unsafe, for an absolute or empty name and for `..` or NUL in it; invalid, for an overlong part.
 */
export function memberPath(name: ByteName): ByteName {
  if (name.includes('\0')) throw new DeployError('unsafe', 'its name contains a NUL byte');
  if (name.length > MAX_PART_BYTES && name.split('/').some((part) => part.length > MAX_PART_BYTES)) {
    throw new DeployError('invalid', `a part of its name is longer than ${MAX_PART_BYTES} bytes`);
  }
  if (!NOT_NORMAL.test(name)) return name;
  if (name === '') throw new DeployError('unsafe', 'its name is empty');
  if (name.startsWith('/')) throw new DeployError('unsafe', 'its name is absolute');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new DeployError('unsafe', 'its name contains ".."');
  return parts.join('/');
}

/** Whether a name is in the normal form of `memberPath`, and not the root. */
export function isMemberPath(name: ByteName): boolean {
  return !name.includes('\0') && !NOT_NORMAL.test(name);
}

/** The directory that holds a path; empty for the root. */
export function parentPath(path: ByteName): ByteName {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/**
 * Keeps every path and link of a release inside the root, and refuses a path below a file. It remembers the symlinks and files of
 * all layers. It works on names only, never on the file system, so nothing has to be unpacked. Paths are those of `memberPath`.
 */
export class PathGuard {
  readonly #symlinks = new Map<ByteName, ByteName>();
  /** Other entries that cannot contain a path: files, devices, FIFOs. */
  readonly #files = new Set<ByteName>();
  /** Directories that are not empty. They stay directories, since nothing may replace them any more. */
  readonly #occupied = new Set<ByteName>(['']);
  /** The last checked directory: neighbours in an archive are in the same one. */
  #directory: ByteName = '';
  /** Every path `x` for which a link target contains `x/..`. If `x` became a link, that target would lead elsewhere. */
  readonly #pinned = new Set<ByteName>();
  readonly #outsideLinks: boolean;
  readonly #count: (bytes: number) => void;

  /** @param count called with the bytes of every remembered name; may throw. */
  constructor(options: { outsideLinks: boolean; count: (bytes: number) => void }) {
    this.#outsideLinks = options.outsideLinks;
    this.#count = options.count;
  }

  /** Adds a directory. It may replace any entry. */
  directory(path: ByteName): void {
    this.#enter(path);
    this.#symlinks.delete(path);
    this.#files.delete(path);
  }

  /** Adds a file, device or FIFO. */
  file(path: ByteName): void {
    this.#replace(path);
    this.#files.add(path);
  }

  /** Adds a symlink and checks its target. */
  symlink(path: ByteName, target: ByteName): void {
    this.#replace(path);
    this.#laySymlink(path, target);
  }

  /**
   * Adds a hard link. A hard link to a symlink is the same symlink at another path, from where its target may differ. A hard link
   * to itself changes nothing.
   */
  hardlink(path: ByteName, target: ByteName): void {
    if (target === '') throw new DeployError('unsafe', 'its link target is the root of the release');
    this.#refuseNoDirectory(target, 'its link target');
    if (path === target) return;
    const symlinkTarget = this.#symlinks.get(target);
    this.#replace(path);
    if (symlinkTarget === undefined) this.#files.add(path);
    else this.#laySymlink(path, symlinkTarget);
  }

  #laySymlink(path: ByteName, target: ByteName): void {
    if (this.#pinned.has(path)) {
      throw new DeployError(
        'unsafe',
        'it is a link where the target of an earlier link steps back with ".."',
      );
    }
    if (target.includes('\0') || target === '')
      throw new DeployError('unsafe', 'its link target is not a path');
    if (!this.#outsideLinks) this.#follow(parentPath(path), target);
    this.#count(path.length + target.length);
    this.#files.delete(path);
    this.#symlinks.set(path, target);
  }

  /** Follows a link target by names from the link's directory, and refuses a target outside of the root. */
  #follow(directory: ByteName, target: ByteName): void {
    if (target.startsWith('/')) throw leaves(target, 'is absolute');
    let at = directory;
    for (const part of target.split('/')) {
      if (part === '' || part === '.') continue;
      if (part !== '..') {
        at = at === '' ? part : `${at}/${part}`;
        continue;
      }
      if (at === '') throw leaves(target, 'leads outside of the release');
      this.#pin(at);
      at = parentPath(at);
    }
  }

  #pin(path: ByteName): void {
    for (let at = path; !this.#occupied.has(at) && !this.#pinned.has(at); at = parentPath(at)) {
      if (this.#symlinks.has(at)) {
        throw new DeployError(
          'unsafe',
          `its link target steps back with ".." from another link, ${showName(at)}`,
        );
      }
      this.#count(at.length);
      this.#pinned.add(at);
    }
  }

  #replace(path: ByteName): void {
    if (path === '') throw new DeployError('unsafe', 'it would replace the root of the release');
    this.#enter(path);
    if (this.#occupied.has(path)) {
      throw new DeployError('invalid', 'an earlier entry made a directory of that name, and it is not empty');
    }
    this.#symlinks.delete(path);
  }

  /** Checks that no directory above the path is a symlink or a file, and marks these directories as occupied. */
  #enter(path: ByteName): void {
    if (path === '') return;
    const parent = parentPath(path);
    if (parent === this.#directory) return;
    for (let at = parent; !this.#occupied.has(at); at = parentPath(at)) {
      this.#refuseBelow(at, 'its path');
      this.#count(at.length);
      this.#occupied.add(at);
    }
    this.#directory = parent;
  }

  #refuseNoDirectory(path: ByteName, what: string): void {
    for (let at = parentPath(path); !this.#occupied.has(at); at = parentPath(at)) {
      this.#refuseBelow(at, what);
    }
  }

  #refuseBelow(at: ByteName, what: string): void {
    if (this.#symlinks.has(at))
      throw new DeployError('unsafe', `${what} goes through the symlink ${showName(at)}`);
    if (this.#files.has(at))
      throw new DeployError(
        'invalid',
        `${what} needs a directory where an earlier entry made the file ${showName(at)}`,
      );
  }
}

function leaves(target: ByteName, why: string): DeployError {
  return new DeployError('unsafe', `its link target ${showName(target)} ${why}`);
}
