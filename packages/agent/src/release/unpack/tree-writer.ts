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
import { attributesOf, setFileAttributes, setNodeAttributes } from './attributes.js';
import { CREATE_FILE } from './create-file.js';
import { DelayedDirectories } from './delayed-directories.js';
import { makeSpecialFile } from './special-file.js';
import type { Ownership } from './tree-task.js';
import { writeError } from './write-error.js';

/**
 * Writes admitted entries below a directory that nobody else changes, with synchronous calls. What an entry finds in
 * its place is removed first, so an earlier file is never written into, nor one it is hard-linked to.
 */
export class TreeWriter implements EntrySink {
  entries = 0;
  /** Bytes of file contents. */
  bytes = 0;
  readonly #root: ByteName;
  readonly #ownership: Ownership;
  /** Directories made here, so real ones. */
  readonly #directories = new Set<ByteName>(['']);
  readonly #delayed = new DelayedDirectories();
  #entry: SafeEntry | undefined;
  /** The open file of the entry, or -1. */
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
    this.#delayed.apply(this.#root, this.#ownership);
  }

  #make(entry: SafeEntry): void {
    const { path } = entry;
    switch (entry.type) {
      case 'directory':
        this.#makeDirectory(path, 0o700);
        this.#delayed.set(entry);
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
    makeSpecialFile(path, entry);
    setNodeAttributes(path, attributesOf(entry), this.#ownership);
  }

  /** Makes the directories above an entry that no entry made: mode 0777 less the umask, as GNU tar. */
  #parents(path: ByteName): void {
    if (this.#directories.has(path)) return;
    this.#parents(parentPath(path));
    mkdirSync(this.#fs(path), 0o777);
    this.#directories.add(path);
  }

  #makeDirectory(path: ByteName, mode: number): void {
    if (this.#directories.has(path)) return;
    this.#inPlaceOf(path, (at) => mkdirSync(at, mode));
    this.#directories.add(path);
  }

  /** Creates something; when something is in its place, removes that and tries once more. */
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
    this.#delayed.forget(path);
  }

  #fs(path: ByteName): string | Buffer {
    return fsPath(`${this.#root}/${path}`);
  }

  /** Names the entry in whatever goes wrong. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw writeError(this.#entry?.path ?? '', error);
    }
  }
}
