/**
 * The closed list of things that can go wrong. A kind is stable: programs and scripts may depend on it.
 *
 * | kind        | meaning                                                        |
 * |-------------|----------------------------------------------------------------|
 * | usage       | the command line itself is wrong                               |
 * | invalid     | a value is not acceptable (name, hash, file content)           |
 * | not-found   | the named thing does not exist                                 |
 * | exists      | the named thing exists and must not be replaced                |
 * | in-use      | something still refers to it                                   |
 * | conflict    | somebody else changed it meanwhile                             |
 * | denied      | the caller may not do this                                     |
 * | unsupported | this side does not offer the operation                         |
 * | auth        | the peer did not accept our key, or we not its host key        |
 * | connect     | the peer cannot be reached, or the connection was lost         |
 * | timeout     | it took longer than allowed                                    |
 * | too-large   | a configured bound was exceeded                                |
 * | no-space    | the disk is full or below its reserve                          |
 * | corrupt     | bytes are not what their hash or format says                   |
 * | unsafe      | an archive entry would reach outside its directory             |
 * | locked      | another process holds the directory                            |
 * | script      | a deploy script failed                                         |
 * | unhealthy   | what was deployed does not run, or did not prove itself        |
 * | cancelled   | stopped on request before it was done                          |
 * | internal    | a defect of ours                                               |
 */
export type ErrorKind = keyof typeof ERROR_TABLE;

interface KindRow {
  /** Process exit status of our programs. */
  readonly exit: number;
  /** SSH_FX_* status of SFTP version 3 (draft-ietf-secsh-filexfer-02, section 7). */
  readonly sftp: number;
}

const ERROR_TABLE = {
  usage: { exit: 2, sftp: 5 },
  invalid: { exit: 1, sftp: 4 },
  'not-found': { exit: 1, sftp: 2 },
  exists: { exit: 1, sftp: 4 },
  'in-use': { exit: 1, sftp: 4 },
  conflict: { exit: 1, sftp: 4 },
  denied: { exit: 1, sftp: 3 },
  unsupported: { exit: 1, sftp: 8 },
  auth: { exit: 4, sftp: 3 },
  connect: { exit: 4, sftp: 7 },
  timeout: { exit: 1, sftp: 4 },
  'too-large': { exit: 1, sftp: 4 },
  'no-space': { exit: 1, sftp: 4 },
  corrupt: { exit: 1, sftp: 4 },
  unsafe: { exit: 1, sftp: 4 },
  locked: { exit: 1, sftp: 4 },
  script: { exit: 1, sftp: 4 },
  unhealthy: { exit: 1, sftp: 4 },
  cancelled: { exit: 1, sftp: 4 },
  internal: { exit: 1, sftp: 4 },
} as const satisfies Record<string, KindRow>;

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
  const code = errnoOf(error);
  const message = messageOf(error);
  if (error instanceof Error && error.name === 'AbortError') {
    return new DeployError('cancelled', 'stopped before it was done', { cause: error });
  }
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new DeployError('no-space', `no space left on the disk: ${message}`, {
        hint: 'free some space and try again',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new DeployError('denied', message, { cause: error });
    case 'ENOENT':
      return new DeployError('not-found', message, { cause: error });
    case 'ECONNREFUSED':
    case 'ECONNRESET':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENOTFOUND':
    case 'ETIMEDOUT':
    case 'EPIPE':
      return new DeployError('connect', message, { cause: error });
    default:
      return new DeployError('internal', message, { cause: error });
  }
}

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
