import { chmodSync, closeSync, constants, fstatSync, openSync, readdirSync } from 'node:fs';
import { type ByteName, fsPath } from '@deploy-tools/shared/archive/byte-name.js';

/** Linux: a handle on a directory itself, which needs no permission on it (open(2)); node:fs has no name for it. */
const O_PATH = 0o10000000;

/**
 * A directory that is written to, held by a handle: whoever swaps it, or one above it, for a symlink meanwhile does not
 * turn what is done to somewhere else.
 */
export class HeldDirectory {
  readonly #fd: number;

  /** @param path whose last part must not be a symlink. @throws system errors: ENOTDIR, ELOOP, ENOENT. */
  constructor(path: ByteName) {
    this.#fd = openSync(fsPath(path), O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  }

  /** Gives its owner the rights to work in it, where they are missing. */
  openUp(): void {
    const { mode } = fstatSync(this.#fd);
    if ((mode & 0o700) !== 0o700) chmodSync(this.self, (mode & 0o7777) | 0o700);
  }

  /** A path to itself. */
  get self(): string {
    return `/proc/self/fd/${this.#fd}/.`;
  }

  /** A path to what has this name in it. */
  at(name: ByteName): ByteName {
    return `/proc/self/fd/${this.#fd}/${name}`;
  }

  names(): ByteName[] {
    return readdirSync(this.self, 'latin1').sort();
  }

  close(): void {
    closeSync(this.#fd);
  }
}
