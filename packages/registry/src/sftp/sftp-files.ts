import { posix } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { Attrs } from '@deploy-tools/shared/sftp/protocol.js';

const MAX_PATH_BYTES = 4096;

/**
 * Normalises a path as a client sends it: relative ones start at the root, `..` never leaves it.
 * @returns an absolute path without `.`, `..`, doubled or trailing slashes.
 * @throws DeployError invalid on NUL or an absurd length.
 */
export function normalizePath(path: string): string {
  if (path.includes('\0') || Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new DeployError('invalid', 'the path is not acceptable');
  }
  const absolute = posix.join('/', path);
  return absolute.length > 1 && absolute.endsWith('/') ? absolute.slice(0, -1) : absolute;
}

/** Counts running transfers, so that a shutdown waits for them. `begin` returns a function that ends one. See ssh/activity.ts. */
export interface TransferCounter {
  begin(): () => void;
  /** @param listener called at a shutdown, to end work that need not finish. @returns removes the listener. */
  onStop(listener: () => void): () => void;
}

/** An entry of a directory. Its line of `ls -l` is made when it is sent, as thousands may be listed and never read. */
export interface ListedFile {
  readonly filename: string;
  readonly attrs: Attrs;
}

/** An open file of an SFTP session. */
export interface SftpFile {
  /** Fills `target` from `offset`. @returns bytes read; 0 at the end of the file. */
  readonly read?: (target: Buffer, offset: number) => Promise<number>;
  readonly write?: (data: Buffer, offset: number) => Promise<void>;
  readonly stat: () => Attrs;
  /** Ends the file at the client's CLOSE: an upload is stored. @param gone aborted when the client has left. */
  readonly close: (gone: AbortSignal) => Promise<void>;
  /** Ends the file at the end of the session: an upload is discarded. */
  readonly abandon: () => Promise<void>;
}

/**
 * The files of one role over SFTP. Paths are absolute and normalised. Every method rejects with a DeployError, whose kind becomes
 * the status.
 */
export interface SftpFiles {
  /** @param flags OPEN_FLAG bits. */
  open(path: string, flags: number): Promise<SftpFile>;
  stat(path: string): Promise<Attrs>;
  list(path: string): Promise<readonly ListedFile[]>;
  /** Accepts or refuses a request to set attributes; an accepted one has no effect. */
  setStat(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
}
