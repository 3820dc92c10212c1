import { chmodSync, closeSync, constants, openSync } from 'node:fs';
import { type ByteName, byteName, fsPath } from '@deploy-tools/shared/archive/byte-name.js';

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

  /** A path to itself. */
  get self(): string {
    return `/proc/self/fd/${this.#fd}`;
  }

  /** A path to what has this name in it. */
  at(name: ByteName): ByteName {
    return `/proc/self/fd/${this.#fd}/${name}`;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Never through a symlink. @param path absolute. @throws system errors, ENOTDIR for what is no directory. */
export function chmodDirectory(path: string, mode: number): void {
  const held = new HeldDirectory(byteName(path));
  try {
    chmodSync(held.self, mode);
  } finally {
    held.close();
  }
}
