import { lstatSync, mkdirSync } from 'node:fs';
import { type ByteName, byteName, fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import { parentPath } from '@deploy-tools/shared/archive/path-guard.js';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { MAX_CHUNK } from '@deploy-tools/shared/layers/manifest.js';
import type { Ownership } from '../unpack/tree-task.js';
import type { AssembleSetup, ReuseMethod } from './assemble-task.js';

/** A directory that content is reused from. */
export interface SourceRoot {
  readonly path: ByteName;
  /** The device of its file system; undefined when the directory is gone. */
  readonly device: bigint | undefined;
}

/** The directory of the release, which several threads fill, for one of them. */
export class AssemblePlace {
  readonly ownership: Ownership;
  readonly reuse: ReuseMethod;
  readonly roots: readonly SourceRoot[];
  readonly root: ByteName;
  /** A buffer for one chunk: new buffers would leave tens of megabytes to the garbage collector. */
  readonly scratch = Buffer.allocUnsafeSlow(MAX_CHUNK);
  readonly #implicit: ReadonlySet<ByteName>;
  /** Directories that exist. */
  readonly #made = new Set<ByteName>(['']);

  constructor(setup: AssembleSetup) {
    this.root = byteName(setup.into);
    this.ownership = setup.ownership;
    this.reuse = setup.reuse;
    this.roots = setup.roots.map((path) => ({
      path: byteName(path),
      device: lstatSync(path, { bigint: true, throwIfNoEntry: false })?.dev,
    }));
    this.#implicit = new Set(setup.implicit);
  }

  /** The path for node:fs of a new entry, after making the directories above it. */
  at(path: ByteName): string | Buffer {
    this.directory(parentPath(path));
    return fsPath(`${this.root}/${path}`);
  }

  /** Makes a directory unless a thread has made it already. Its mode and time are set in the end. */
  directory(path: ByteName): void {
    if (this.#made.has(path)) return;
    this.directory(parentPath(path));
    try {
      mkdirSync(fsPath(`${this.root}/${path}`), this.#implicit.has(path) ? 0o777 : 0o700);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    this.#made.add(path);
  }
}
