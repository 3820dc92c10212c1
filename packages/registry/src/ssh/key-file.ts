import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Role } from '@deploy-tools/shared/commands/command-specs.js';
import { DeployError, errnoOf, isDeployError } from '@deploy-tools/shared/errors.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { type AuthorizedKey, type AuthorizedKeys, parseAuthorizedKeys } from './authorized-keys.js';

/** Room for several thousand keys. */
const MAX_KEY_FILE_BYTES = 1024 * 1024;

/** How long keys stay active while their file is empty, missing or unreadable, as during a rewrite. */
export const GRACE_MS = 5000;

export interface KeyFileOptions {
  readonly path: string;
  readonly role: Role;
  readonly log: Logger;
  /** Milliseconds that only grow. */
  readonly steady: () => number;
}

/**
 * One key file and its active keys:
 * - While a file has bad lines, no key is added, and keys that are on no good line become inactive.
 * - When a file has no key (it is empty, has only bad lines, is missing or cannot be read), all keys become inactive after
 *   {@link GRACE_MS}.
 */
export class KeyFile {
  readonly #options: KeyFileOptions;
  #keys: readonly AuthorizedKey[] = [];
  #trouble: string | undefined;
  /** The file's signature at the last check. */
  #seen: string;
  /** The signature of the file from which the keys were read. */
  #taken: string | undefined;
  /** Set while the file has no key and its earlier keys are still active: since when, and the fault of the file. */
  #waiting: { readonly since: number; readonly trouble: string } | undefined;

  private constructor(options: KeyFileOptions, seen: string) {
    this.#options = options;
    this.#seen = seen;
  }

  /**
   * Reads the file at the start of the program. Only the agents' file may have no key yet.
   * @throws DeployError invalid when it cannot be read, has a bad line, or is the operators' and has no key.
   */
  static open(options: KeyFileOptions): KeyFile {
    const { path, role, log } = options;
    const file = new KeyFile(options, signatureNow(path));
    const { keys, problems } = read(path, role);
    const [problem] = problems;
    if (problem !== undefined) {
      throw new DeployError('invalid', `${path}, ${problem}`, { hint: 'correct or remove that line' });
    }
    if (keys.length === 0) {
      if (role === 'operator') {
        throw new DeployError('invalid', `${path} has no key`, {
          hint: 'add at least one public key, one a line',
        });
      }
      file.#trouble = `${path} has no key: no ${role} can log in`;
      log.warn({ path, role, trouble: file.#trouble }, 'no key of the key file is active');
    }
    file.#keys = keys;
    file.#taken = file.#seen;
    return file;
  }

  get path(): string {
    return this.#options.path;
  }

  get keys(): readonly AuthorizedKey[] {
    return this.#keys;
  }

  /** The fault of the file, for an operator; undefined when there is none. */
  get trouble(): string | undefined {
    return this.#waiting?.trouble ?? this.#trouble;
  }

  /** Whether further checks have nothing to do until the file changes. */
  get isSettled(): boolean {
    return this.#seen === this.#taken && this.#waiting === undefined;
  }

  /**
   * Checks whether the path, through links, leads to another file or to other content. A changed file may be half written, so it is
   * read at the next check, if it is the same then. One check at a time.
   * @returns whether keys were read from it.
   */
  async check(): Promise<boolean> {
    const seen = await signatureOf(this.#options.path);
    if (seen !== this.#seen) {
      this.#seen = seen;
      return false;
    }
    if (seen === this.#taken) {
      this.#waiting = undefined; // the missing file is back
      return false;
    }
    const found = this.#read();
    const next = this.#nextKeys(found);
    if (next.length === 0 && this.#keys.length > 0 && this.#isWithinGrace(found)) return false;
    this.#take(found, next);
    return true;
  }

  #read(): AuthorizedKeys {
    const { path, role } = this.#options;
    try {
      return read(path, role);
    } catch (error) {
      if (!isDeployError(error)) throw error;
      return { keys: [], problems: [error.message] };
    }
  }

  #nextKeys({ keys, problems }: AuthorizedKeys): readonly AuthorizedKey[] {
    if (problems.length === 0) return keys;
    return keys.filter(({ blob }) => this.#keys.some((active) => active.blob.equals(blob)));
  }

  #isWithinGrace(found: AuthorizedKeys): boolean {
    const { path, role, log, steady } = this.#options;
    if (this.#waiting === undefined) {
      const trouble = `${this.#wrong(found)}: its earlier keys stay active for ${GRACE_MS / 1000} s`;
      this.#waiting = { since: steady(), trouble };
      log.warn({ path, role, trouble }, 'the key file has no usable key');
    }
    return steady() - this.#waiting.since < GRACE_MS;
  }

  #take(found: AuthorizedKeys, next: readonly AuthorizedKey[]): void {
    const { path, role, log } = this.#options;
    const facts = { path, role, keys: next.length, removed: Math.max(0, this.#keys.length - next.length) };
    this.#keys = next;
    this.#taken = this.#seen;
    this.#waiting = undefined;
    this.#trouble = undefined;
    if (next.length === 0) {
      this.#trouble = `${this.#wrong(found)}: no ${role} can log in`;
      log.error({ ...facts, trouble: this.#trouble }, 'no key of the key file is active');
    } else if (found.problems.length > 0) {
      this.#trouble = `${this.#wrong(found)}: keys on good lines stay active, and none is added until it is corrected`;
      log.error(
        { ...facts, problems: found.problems },
        'the key file has bad lines: keys that are on no good line were removed, none was added',
      );
    } else {
      log.info(facts, 'key file loaded');
    }
  }

  #wrong({ problems }: AuthorizedKeys): string {
    const { path } = this.#options;
    const [problem, ...more] = problems;
    if (problem === undefined) return `${path} has no key`;
    const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
    return problem.startsWith('line ') ? `${path}, ${problem}${others}` : problem;
  }
}

/** @throws DeployError invalid when it cannot be read. */
function read(path: string, role: Role): AuthorizedKeys {
  let text: string;
  try {
    text = readRegularFile(path, MAX_KEY_FILE_BYTES).toString('utf8');
  } catch (error) {
    throw new DeployError('invalid', `the key file ${unreadable(path, error)}`, {
      hint: 'it holds public keys in the format of authorized_keys',
      cause: error,
    });
  }
  return parseAuthorizedKeys(text, role);
}

function unreadable(path: string, error: unknown): string {
  if (isDeployError(error)) return error.message;
  const code = errnoOf(error);
  return code === 'ENOENT' ? `${path} does not exist` : `${path} cannot be read (${code ?? String(error)})`;
}

/** Identifies the file of a path and its content: differs for another file, and after each write. */
async function signatureOf(path: string): Promise<string> {
  try {
    return signature(await stat(path, { bigint: true }));
  } catch (error) {
    return errnoOf(error) ?? String(error);
  }
}

/** {@link signatureOf}, synchronously, for the start. */
function signatureNow(path: string): string {
  try {
    return signature(statSync(path, { bigint: true }));
  } catch (error) {
    return errnoOf(error) ?? String(error);
  }
}

function signature({ dev, ino, size, mtimeNs, ctimeNs }: Record<SignatureField, bigint>): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

type SignatureField = 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs';
