import type { Readable, Writable } from 'node:stream';

/** Everything that a program gets from the outside; a test passes its own. */
export interface ProgramIo {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** The user's home directory, where .ssh is. */
  readonly home: string;
  /** The account's name, when USER is not set. */
  readonly loginName: string;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}
