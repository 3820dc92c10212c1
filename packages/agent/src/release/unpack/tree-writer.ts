import {
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { type ByteName, byteName, fsPath, showName } from '@deploy-tools/shared/archive/byte-name.js';
import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import { parentPath } from '@deploy-tools/shared/archive/path-guard.js';
import type { EntrySink } from '@deploy-tools/shared/archive/read-archive.js';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import { attributesOf, setDirectoryAttributes, setFileAttributes, setNodeAttributes } from './attributes.js';
import { CREATE_FILE } from './create-file.js';
import { makeSpecialFile } from './special-file.js';
import type { Ownership } from './tree-task.js';
import { writeError } from './write-error.js';

/**
 * Writes admitted entries below a directory that nobody else changes, with synchronous calls. It removes whatever has
 * the name of an entry, so it never writes into an earlier file or into a hard link of one.
 */
export class TreeWriter implements EntrySink {
  entries = 0;
  /** Bytes of file contents. */
  bytes = 0;
  readonly #root: ByteName;
  readonly #ownership: Ownership;
  /** Directories that this writer made: none of them is a symlink. */
  readonly #directories = new Set<ByteName>(['']);
  /** The last entry of each directory; its attributes are set when everything is unpacked. */
  readonly #directoryEntries = new Map<ByteName, SafeEntry>();
  #entry: SafeEntry | undefined;
  /** The entry's open file, or -1. */
  #fd = -1;

  /** @param root absolute path of an empty directory. */
  constructor(root: string, ownership: Ownership) {
    this.#root = byteName(root);
    this.#ownership = ownership;
  }

  entry(entry: SafeEntry): void {
    this.#entry = entry;
    this.entries += 1;
    this.#guarded(() => {
      this.#parents(parentPath(entry.path));
      this.#make(entry);
    });
  }

  data(chunk: Uint8Array): void {
    this.#guarded(() => {
      for (let at = 0; at < chunk.length; ) at += writeSync(this.#fd, chunk, at, chunk.length - at);
    });
    this.bytes += chunk.length;
  }

  entryEnd(): void {
    if (this.#fd < 0) return;
    this.#guarded(() => {
      if (this.#entry !== undefined) setFileAttributes(this.#fd, attributesOf(this.#entry), this.#ownership);
    });
    this.close();
  }

  /** Closes the file of an entry that was cut short. */
  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  /** Gives directories their owners, times and modes: once, after the last entry. */
  finish(): void {
    // A directory before its parent, which its mode may close.
    for (const path of [...this.#directoryEntries.keys()].sort().reverse()) {
      const entry = this.#directoryEntries.get(path);
      if (entry !== undefined)
        setDirectoryAttributes({ root: this.#root, path }, attributesOf(entry), this.#ownership);
    }
  }

  #make(entry: SafeEntry): void {
    const { path } = entry;
    switch (entry.type) {
      case 'directory':
        this.#makeDirectory(path);
        this.#directoryEntries.set(path, entry);
        return;
      case 'file':
        this.#inPlaceOf(path, (at) => {
          this.#fd = openSync(at, CREATE_FILE, 0o600);
        });
        return;
      case 'symlink':
        this.#inPlaceOf(path, (at) => symlinkSync(fsPath(entry.linkTarget), at));
        setNodeAttributes(this.#fs(path), attributesOf(entry), this.#ownership);
        return;
      case 'hardlink':
        this.#makeHardlink(path, entry.linkTarget);
        return;
      default:
        this.#makeSpecial(entry);
    }
  }

  /** A link to itself changes nothing, as in GNU tar. */
  #makeHardlink(path: ByteName, target: ByteName): void {
    const existing = this.#fs(target);
    const found = lstatSync(existing, { throwIfNoEntry: false });
    if (found === undefined) {
      throw new DeployError('invalid', `its link target ${showName(target)} does not exist`);
    }
    if (path === target) return;
    if (found.isDirectory()) {
      throw new DeployError('invalid', `its link target ${showName(target)} is a directory`);
    }
    this.#inPlaceOf(path, (at) => linkSync(existing, at));
  }

  #makeSpecial(entry: SafeEntry): void {
    const path = this.#fs(entry.path);
    this.#removeExisting(entry.path);
    makeSpecialFile(path, entry, entry.mode);
    setNodeAttributes(path, attributesOf(entry), this.#ownership);
  }

  /** Makes missing directories above an entry with mode 0777 less the umask, as GNU tar. */
  #parents(path: ByteName): void {
    if (this.#directories.has(path)) return;
    this.#parents(parentPath(path));
    mkdirSync(this.#fs(path), 0o777);
    this.#directories.add(path);
  }

  #makeDirectory(path: ByteName): void {
    if (this.#directories.has(path)) return;
    this.#inPlaceOf(path, (at) => mkdirSync(at, 0o700));
    this.#directories.add(path);
  }

  /** Creates an entry; when its name is taken, removes the earlier entry and tries once more. */
  #inPlaceOf(path: ByteName, create: (at: string | Buffer) => void): void {
    const at = this.#fs(path);
    try {
      create(at);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      this.#removeExisting(path);
      create(at);
    }
  }

  #removeExisting(path: ByteName): void {
    const at = this.#fs(path);
    const found = lstatSync(at, { throwIfNoEntry: false });
    if (found === undefined) return;
    if (!found.isDirectory()) {
      unlinkSync(at);
      return;
    }
    rmdirSync(at);
    this.#directories.delete(path);
    this.#directoryEntries.delete(path);
  }

  #fs(path: ByteName): string | Buffer {
    return fsPath(`${this.#root}/${path}`);
  }

  /** @throws DeployError that names the entry. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw writeError(this.#entry?.path ?? '', error);
    }
  }
}
