import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readlinkSync,
  type Stats,
} from 'node:fs';
import { type ByteName, byteName, fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import { type DeployError, rewordError } from '@deploy-tools/shared/errors.js';

/** Linux: a handle on a directory itself, which needs no permission on it (open(2)); node:fs has no name for it. */
const O_PATH = 0o10000000;

/**
 * A handle on a directory: a user who replaces the directory, or one above it, by a symlink cannot redirect what is
 * written or removed through the handle.
 */
export class HeldDirectory {
  readonly #fd: number;

  /** @param path whose last part must not be a symlink. @throws system errors: ENOTDIR, ELOOP, ENOENT. */
  constructor(path: ByteName) {
    this.#fd = openSync(fsPath(path), O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  }

  get stats(): Stats {
    return fstatSync(this.#fd);
  }

  /** A path to the directory itself, for this process and its threads. */
  get self(): string {
    return `/proc/self/fd/${this.#fd}`;
  }

  /** A path to an entry of the directory. */
  at(name: ByteName): ByteName {
    return `/proc/self/fd/${this.#fd}/${name}`;
  }

  /** @param mode permission bits of the directory itself. @throws system errors. */
  chmod(mode: number): void {
    chmodSync(this.self, mode);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/**
 * Acts on a file of any type through a handle, which no other file can replace meanwhile.
 * @param act gets a path to the file and its stats. @throws system errors, what `act` throws.
 */
export function byHandle(path: ByteName, act: (held: string, stats: BigIntStats) => void): void {
  const fd = openSync(fsPath(path), O_PATH | constants.O_NOFOLLOW);
  try {
    act(`/proc/self/fd/${fd}`, fstatSync(fd, { bigint: true }));
  } finally {
    closeSync(fd);
  }
}

/** An error in whose message the handles are replaced by the names of their directories, as long as they are open. */
export function withNames(thrown: unknown): DeployError {
  return rewordError(thrown, (message) => message.replace(/\/proc\/self\/fd\/\d+/g, nameOf));
}

function nameOf(handle: string): string {
  try {
    return readlinkSync(handle);
  } catch {
    return handle; // closed by now
  }
}

/** Turns a path through a handle into a path that a child process can use. */
export function pathForPrograms(path: string): string {
  return path.replace('/proc/self/', `/proc/${process.pid}/`);
}

/** Changes the mode of a directory, never through a symlink. @param path absolute. @throws system errors, such as ENOTDIR. */
export function chmodDirectory(path: string, mode: number): void {
  const held = new HeldDirectory(byteName(path));
  try {
    held.chmod(mode);
  } finally {
    held.close();
  }
}
