interface KindRow {
  /** Process exit status of our programs. */
  readonly exit: number;
  /** SSH_FX_* status of SFTP version 3 (draft-ietf-secsh-filexfer-02, section 7). */
  readonly sftp: number;
}

/** The closed list of error kinds. A kind is stable: programs and scripts may depend on it. */
const ERROR_TABLE = {
  usage: { exit: 2, sftp: 5 }, // the command line itself is wrong
  invalid: { exit: 1, sftp: 4 }, // a value is not acceptable (name, hash, file content)
  'not-found': { exit: 1, sftp: 2 }, // the named thing does not exist
  exists: { exit: 1, sftp: 4 }, // the named thing exists and must not be replaced
  'in-use': { exit: 1, sftp: 4 }, // something refers to it
  conflict: { exit: 1, sftp: 4 }, // another change came first
  denied: { exit: 1, sftp: 3 }, // the caller may not do this
  unsupported: { exit: 1, sftp: 8 }, // this side does not offer the operation
  auth: { exit: 4, sftp: 3 }, // the peer refused our key, or we refused its host key
  connect: { exit: 4, sftp: 7 }, // the peer cannot be reached, or the connection was lost
  timeout: { exit: 1, sftp: 4 }, // it took longer than allowed
  'too-large': { exit: 1, sftp: 4 }, // a bound was exceeded
  'no-space': { exit: 1, sftp: 4 }, // the disk is full or below its reserve
  corrupt: { exit: 1, sftp: 4 }, // bytes do not match their hash or format
  unsafe: { exit: 1, sftp: 4 }, // an archive entry would be outside of its directory
  locked: { exit: 1, sftp: 4 }, // another process holds the directory
  script: { exit: 1, sftp: 4 }, // a deploy script failed
  unhealthy: { exit: 1, sftp: 4 }, // the deployed release does not run, or failed its checks
  cancelled: { exit: 1, sftp: 4 }, // stopped on request before it was done
  internal: { exit: 1, sftp: 4 }, // a defect of ours
} as const satisfies Record<string, KindRow>;

export type ErrorKind = keyof typeof ERROR_TABLE;

export const ERROR_KINDS = Object.keys(ERROR_TABLE) as readonly ErrorKind[];

/** Marks a DeployError: a program may contain two copies of this class (tools/bundle-programs.mjs). */
const MARK = Symbol.for('deploy-tools.DeployError');

/** The one error class of the project: what happened, to what, and what to do next. */
export class DeployError extends Error {
  static override [Symbol.hasInstance](value: unknown): boolean {
    // Subclasses are compared as usual.
    // biome-ignore lint/complexity/noThisInStatic: it is the class that is asked about
    if (this !== DeployError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === 'object' && value !== null && MARK in value;
  }

  readonly [MARK] = true;
  readonly kind: ErrorKind;
  /** Advice for the reader, in one sentence. */
  readonly hint: string | undefined;
  /** The peer's retry-after, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: ErrorKind,
    message: string,
    options: { hint?: string | undefined; cause?: unknown; retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DeployError';
    this.kind = kind;
    this.hint = options.hint;
    this.retryAfterMs = options.retryAfterMs;
  }
}

export function isDeployError(error: unknown, kind?: ErrorKind): error is DeployError {
  return error instanceof DeployError && (kind === undefined || error.kind === kind);
}

/** The process exit status for an error: 1 failed, 2 usage, 4 cannot connect or authenticate. */
export function exitCodeOf(error: unknown): number {
  return error instanceof DeployError ? ERROR_TABLE[error.kind].exit : 1;
}

/** The SFTP version 3 status code for an error. */
export function sftpStatusOf(error: unknown): number {
  return error instanceof DeployError ? ERROR_TABLE[error.kind].sftp : 4;
}

/** Formats message and hint for people: `message (hint)` on one line, never a stack trace. */
export function describeError(error: unknown): string {
  const described = toDeployError(error);
  return described.hint === undefined ? described.message : `${described.message} (${described.hint})`;
}

/**
 * Converts a thrown value to a DeployError. System errors keep their text and get the kind for their code; other values are
 * `internal`.
 */
export function toDeployError(error: unknown): DeployError {
  if (error instanceof DeployError) return error;
  if (error instanceof Error && error.name === 'AbortError') {
    return new DeployError('cancelled', 'stopped before it was done', { cause: error });
  }
  const message = messageOf(error);
  const kind = KIND_OF_CODE.get(errnoOf(error)) ?? 'internal';
  if (kind !== 'no-space') return new DeployError(kind, message, { cause: error });
  const hint = 'free some space and try again';
  return new DeployError(kind, `no space left on the disk: ${message}`, { hint, cause: error });
}

const KIND_OF_CODE: ReadonlyMap<string | undefined, ErrorKind> = new Map([
  ['ENOSPC', 'no-space'],
  ['EDQUOT', 'no-space'],
  ['EFBIG', 'no-space'],
  ['EACCES', 'denied'],
  ['EPERM', 'denied'],
  ['EROFS', 'denied'],
  ['ENOENT', 'not-found'],
  ['ECONNREFUSED', 'connect'],
  ['ECONNRESET', 'connect'],
  ['EHOSTUNREACH', 'connect'],
  ['ENETUNREACH', 'connect'],
  ['ENOTFOUND', 'connect'],
  ['ETIMEDOUT', 'connect'],
  ['EPIPE', 'connect'],
]);

/** The message of an error. When several addresses refuse, Node.js throws an AggregateError without a message. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  if (error instanceof Error) return error.message;
  // Not String(error): an object may have no usable toString.
  return typeof error === 'object' ? Object.prototype.toString.call(error) : String(error);
}

/** The same error, its hint included, under another message, such as one that names what was read. */
export function rewordError(error: unknown, reword: (message: string) => string): DeployError {
  const { kind, message, hint, retryAfterMs } = toDeployError(error);
  return new DeployError(kind, reword(message), { hint, retryAfterMs, cause: error });
}

/** Whether a system call failed because there is no such file or directory (ENOENT). */
export function isMissing(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT';
}

/** The result of a call; undefined where a file or directory does not exist that the call needs. */
export function unlessMissing<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The `code` of a Node.js system error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
