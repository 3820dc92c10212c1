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
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';

/** Linux: a handle on a directory itself, which needs no permission on it (open(2)); node:fs has no name for it. */
const O_PATH = 0o10000000;

/**
 * A directory that is written to, held by a handle: a user who swaps it, or one above it, for a symlink meanwhile does not
 * turn what is done to somewhere else.
 */
export class HeldDirectory {
  readonly #fd: number;

  /** @param path whose last part must not be a symlink. @throws system errors: ENOTDIR, ELOOP, ENOENT. */
  constructor(path: ByteName) {
    this.#fd = openSync(fsPath(path), O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  }

  /** Of the directory, wherever it is by now. */
  get stats(): Stats {
    return fstatSync(this.#fd);
  }

  /** A path to itself, of this process and its threads. */
  get self(): string {
    return `/proc/self/fd/${this.#fd}`;
  }

  /** A path to what has this name in it. */
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
 * Does something to a file itself, which need not be a directory, whatever has its name meanwhile.
 * @param act gets a path to it and what it is. @throws system errors, what `act` throws.
 */
export function byHandle(path: ByteName, act: (held: string, stats: BigIntStats) => void): void {
  const fd = openSync(fsPath(path), O_PATH | constants.O_NOFOLLOW);
  try {
    act(`/proc/self/fd/${fd}`, fstatSync(fd, { bigint: true }));
  } finally {
    closeSync(fd);
  }
}

/** An error as a person reads it: names instead of handles, as long as these are open. */
export function withNames(thrown: unknown): DeployError {
  const { kind, message, hint } = toDeployError(thrown);
  const text = message.replace(/\/proc\/self\/fd\/\d+/g, nameOf);
  return new DeployError(kind, text, { ...(hint === undefined ? {} : { hint }), cause: thrown });
}

function nameOf(handle: string): string {
  try {
    return readlinkSync(handle);
  } catch {
    return handle; // closed by now
  }
}

/** Turns a path by a handle into one that a program which this process starts can use. */
export function pathForPrograms(path: string): string {
  return path.replace('/proc/self/', `/proc/${process.pid}/`);
}

/** Never through a symlink. @param path absolute. @throws system errors, ENOTDIR for what is no directory. */
export function chmodDirectory(path: string, mode: number): void {
  const held = new HeldDirectory(byteName(path));
  try {
    held.chmod(mode);
  } finally {
    held.close();
  }
}
