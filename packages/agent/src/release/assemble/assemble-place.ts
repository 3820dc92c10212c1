import { lstatSync, mkdirSync } from 'node:fs';
import { type ByteName, byteName, fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import { parentPath } from '@deploy-tools/shared/archive/path-guard.js';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { MAX_CHUNK } from '@deploy-tools/shared/layers/manifest.js';
import type { Ownership } from '../unpack/tree-task.js';
import type { AssembleSetup, ReuseMethod } from './assemble-task.js';

/** A directory that content is taken from. */
export interface SourceRoot {
  readonly path: ByteName;
  /** Of the file system that it lies on; undefined when it is gone. */
  readonly device: bigint | undefined;
}

/** The directory that several threads fill, as one of them sees it. */
export class AssemblePlace {
  readonly ownership: Ownership;
  readonly reuse: ReuseMethod;
  readonly roots: readonly SourceRoot[];
  readonly root: ByteName;
  /** For the content of one chunk: allocated anew each time, it would leave tens of megabytes to the garbage collector. */
  readonly scratch = Buffer.allocUnsafeSlow(MAX_CHUNK);
  readonly #implicit: ReadonlySet<ByteName>;
  /** Directories that are known to be there. */
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

  /** The path for node:fs of something to be made, with the directories above it made. */
  at(path: ByteName): string | Buffer {
    this.directory(parentPath(path));
    return fsPath(`${this.root}/${path}`);
  }

  /** Makes a directory where no thread has made it yet. Its mode and time are given in the end. */
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
