import { existsSync } from 'node:fs';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import { type GroupEnd, type GroupRun, stillRuns } from './run-in-group.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'is not executable',
};

/**
 * The error of a program that failed or was stopped.
 * @param name for messages: `the script /etc/deploy.sh`.
 * @returns undefined when it ended by itself with exit status 0.
 */
export function scriptFailure(name: string, timeoutMs: number, end: GroupEnd): DeployError | undefined {
  const what = failureOf(timeoutMs, end);
  if (what === undefined) return undefined;
  const hint =
    end.survivor === undefined
      ? 'its output is in the log above'
      : 'check which user it runs as, or what it waits for (ps -o user,wchan), and end it';
  return new DeployError('script', `${name} ${what}`, { hint });
}

function failureOf(timeoutMs: number, { code, signal, stopped, survivor }: GroupEnd): string | undefined {
  const late = `did not end within ${formatDuration(timeoutMs)}`;
  if (survivor !== undefined)
    return stopped === 'timeout'
      ? `${late}, and ${stillRuns(survivor)}`
      : `was to be stopped, but ${stillRuns(survivor)}`;
  if (stopped === 'timeout') return `${late} and was stopped`;
  if (stopped === 'abort') return 'was stopped on request';
  if (signal !== null) return `was killed by ${signal}`;
  return code === 0 ? undefined : `failed with exit status ${code}`;
}

/** The error of a program that could not be started. @param what its name for messages, and its flag. */
export function cannotStart(
  { name, flag }: { readonly name: string; readonly flag: string },
  run: Pick<GroupRun, 'program' | 'cwd'>,
  error: unknown,
): DeployError {
  if (error instanceof DeployError) return error;
  const code = errnoOf(error);
  if (code === 'ENOENT' && run.cwd !== undefined && !existsSync(run.cwd)) {
    return new DeployError('script', `${name} cannot be started: its directory ${run.cwd} does not exist`, {
      cause: error,
    });
  }
  const reason = REASONS[code ?? ''] ?? `cannot be started (${code ?? String(error)})`;
  const what =
    code === 'ENOENT' && existsSync(run.program) ? 'names an interpreter that does not exist' : reason;
  return new DeployError('script', `${name} ${what}`, {
    hint: `check ${flag}, its permissions and its first line`,
    cause: error,
  });
}
