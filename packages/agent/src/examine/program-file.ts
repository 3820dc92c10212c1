import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';

/**
 * The file that would be run for a script or hook: a path, or a word that is looked up in PATH.
 * @throws DeployError not-found, denied.
 */
export function programFile(command: string, path: string | undefined): string {
  if (command.includes('/')) return checked(command);
  const found = (path ?? '')
    .split(delimiter)
    .filter((dir) => dir !== '')
    .map((dir) => join(dir, command))
    .find((file) => reasonAgainst(file) === undefined);
  if (found !== undefined) return found;
  throw new DeployError('not-found', `"${command}" is nowhere in PATH`, {
    hint: 'a script in the working directory is named with ./',
  });
}

function checked(file: string): string {
  const reason = reasonAgainst(file);
  if (reason === undefined) return file;
  if (reason === 'ENOENT')
    throw new DeployError('not-found', `${file} does not exist`, { hint: 'create it' });
  throw new DeployError('denied', `${file} cannot be run (${reason})`, {
    hint: reason === 'no file' ? 'name a file' : `make it executable: chmod +x ${file}`,
  });
}

function reasonAgainst(file: string): string | undefined {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile() ? undefined : 'no file';
  } catch (error) {
    return errnoOf(error) ?? 'unknown';
  }
}
