// Files of the trees that are packed.
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Copies a file or a directory, without types and source maps. Directories above it are made. */
export function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, filter: (path) => !/\.d\.ts$|\.map$/.test(path) });
}

/** Writes a file with this mode, whatever the umask. Directories above it are made. */
export function write(path, content, mode = 0o644) {
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
}
