import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import { requireProgram } from './require-program.js';

/**
 * The file that would be run for a script or hook: a path, or a word that is looked up in PATH.
 * @throws DeployError not-found, denied.
 */
export function programFile(command: string, path: string | undefined): string {
  try {
    return requireProgram(command, path === undefined ? {} : { PATH: path });
  } catch (error) {
    throw explained(command, error);
  }
}

function explained(command: string, error: unknown): DeployError {
  const code = errnoOf(error);
  const missing = (error as NodeJS.ErrnoException).path;
  if (code === 'ENOENT' && missing !== command)
    return new DeployError('not-found', `${command} names an interpreter that does not exist: ${missing}`, {
      hint: 'correct its first line, or install that',
      cause: error,
    });
  if (code === 'ENOENT' && !command.includes('/'))
    return new DeployError('not-found', `"${command}" is nowhere in PATH`, {
      hint: 'a script in the working directory is named with ./',
      cause: error,
    });
  if (code === 'ENOENT')
    return new DeployError('not-found', `${command} does not exist`, { hint: 'create it', cause: error });
  return new DeployError('denied', `${command} cannot be run (${code})`, {
    hint: `name a file, and make it executable: chmod +x ${command}`,
    cause: error,
  });
}
