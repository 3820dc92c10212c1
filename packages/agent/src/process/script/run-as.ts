import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DeployError, isMissing } from '@deploy-tools/shared/errors.js';

const execute = promisify(execFile);

/** The limit of lookups, for a directory service that does not answer. */
const LOOKUP_MS = 20_000;

/** The user that programs are run as: an entry of the user database (passwd(5)). */
export interface RunAs {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

export interface Invocation {
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * Finds the user of `-user`, and proves that programs can be run as that user by running one.
 *
 * Node.js drops all supplementary groups when it starts a process as another user. So setpriv(1) of util-linux does it, which takes
 * the groups from the group database and becomes the program, with the same process id, process group and exit status.
 * @param agentUid of this process; only root can become another user.
 * @returns undefined when the agent already runs as that user.
 * @throws DeployError usage when there is no such user, or this agent cannot become it.
 */
export async function resolveUser(
  name: string,
  agentUid: number | undefined = process.getuid?.(),
): Promise<RunAs | undefined> {
  const runAs = await lookUp(name);
  if (runAs.uid === agentUid) return undefined;
  if (agentUid !== 0)
    throw new DeployError('usage', `only root can run scripts as another user (-user ${name})`);
  const { program, args } = asUser(runAs, { program: 'true', args: [] });
  try {
    await execute(program, args, { timeout: LOOKUP_MS });
  } catch (error) {
    throw cannotBecome(name, error);
  }
  return runAs;
}

/** The invocation that runs the program as that user, if any. */
export function asUser(runAs: RunAs | undefined, { program, args }: Invocation): Invocation {
  if (runAs === undefined) return { program, args };
  const who = [`--reuid=${runAs.uid}`, `--regid=${runAs.gid}`, '--init-groups'];
  return { program: 'setpriv', args: [...who, '--', program, ...args] };
}

/** The environment variables about the user, to override the agent's own; empty without a user. */
export function userEnvironment(runAs: RunAs | undefined): Record<string, string> {
  if (runAs === undefined) return {};
  return { USER: runAs.user, LOGNAME: runAs.user, HOME: runAs.home, SHELL: runAs.shell };
}

async function lookUp(name: string): Promise<RunAs> {
  try {
    const { stdout } = await execute('getent', ['passwd', '--', name], { timeout: LOOKUP_MS });
    return parsePasswdLine(stdout);
  } catch (error) {
    if (error instanceof DeployError) throw error;
    const missing = isMissing(error);
    throw new DeployError(
      'usage',
      missing ? `the user ${name} cannot be looked up: there is no getent` : `there is no user "${name}"`,
      { hint: missing ? 'install it (libc-bin, musl-utils)' : 'check -user', cause: error },
    );
  }
}

/**
 * Reads one line of passwd(5): name, password, uid, gid, comment, home directory, shell.
 * @throws DeployError invalid.
 */
export function parsePasswdLine(line: string): RunAs {
  const [user, , uid, gid, , home, shell] = (line.split('\n')[0] ?? '').split(':');
  const ids = [uid, gid].map((text) => (/^\d{1,10}$/.test(text ?? '') ? Number(text) : undefined));
  if (
    user === undefined ||
    user === '' ||
    ids[0] === undefined ||
    ids[1] === undefined ||
    shell === undefined
  )
    throw new DeployError('invalid', 'the user database gave an entry that cannot be read');
  return { user, uid: ids[0], gid: ids[1], home: home || '/', shell: shell || '/bin/sh' };
}

function cannotBecome(name: string, error: unknown): DeployError {
  if (isMissing(error)) {
    return new DeployError('usage', `scripts cannot be run as ${name}: there is no setpriv`, {
      hint: 'install it (util-linux)',
      cause: error,
    });
  }
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  return new DeployError('usage', `this agent cannot become the user ${name}: ${stderr || String(error)}`, {
    hint: 'it needs the capabilities CAP_SETUID and CAP_SETGID',
    cause: error,
  });
}
