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

/** Lets what runs hold up a shutdown: each `begin` returns how to end it. See ssh/activity.ts. */
export interface TransferCounter {
  begin(): () => void;
  /** @param listener called when what need not go on should end. @returns to be called when it is not of interest any more. */
  onStop(listener: () => void): () => void;
}

/** An entry of a directory. The line that `ls -l` shows is made when it is sent: thousands may be listed and never read. */
export interface ListedFile {
  readonly filename: string;
  readonly attrs: Attrs;
}

/** An open file of an SFTP session. An operation that it lacks is refused as unsupported. */
export interface SftpFile {
  /** Fills `target` from `offset`. @returns bytes read; 0 at the end of the file. */
  readonly read?: (target: Buffer, offset: number) => Promise<number>;
  readonly write?: (data: Buffer, offset: number) => Promise<void>;
  readonly stat: () => Attrs;
  /** The client closed it: what was written counts now. The signal says that the client is gone, and work in vain. */
  readonly close: (gone: AbortSignal) => Promise<void>;
  /** The session ended before: what was written does not count. */
  readonly abandon: () => Promise<void>;
}

/**
 * What one role sees over SFTP. Paths are absolute and normalised; every method rejects with a DeployError, whose kind
 * becomes the status.
 */
export interface SftpFiles {
  /** @param flags OPEN_FLAG bits. */
  open(path: string, flags: number): Promise<SftpFile>;
  stat(path: string): Promise<Attrs>;
  list(path: string): Promise<readonly ListedFile[]>;
  /** What setting attributes by path means: nothing, where it is allowed at all. */
  setStat(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
}
