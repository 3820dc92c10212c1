import { constants, openSync, writeSync } from 'node:fs';

/** Flags of open(2): a new file, never an existing one and never through a symlink. */
export const CREATE_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Flags of open(2) for a file that another thread may have begun. */
const WRITE_PART = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;

/** Opens a file whose parts several threads write in any order. */
export function openPart(path: string | Buffer): number {
  return openSync(path, WRITE_PART, 0o600);
}

export function writeFully(fd: number, content: Uint8Array, offset: number): void {
  for (let at = 0; at < content.length; ) {
    at += writeSync(fd, content, at, content.length - at, offset + at);
  }
}
