import { type ByteName, showName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError, errnoOf, toDeployError } from '@deploy-tools/shared/errors.js';

export const FILE_IN_THE_WAY = 'an earlier entry made a file where it needs a directory';

/** Faults of the archive by the system's error code; other codes are faults of the host. */
const ARCHIVE_FAULTS: ReadonlyMap<string, string> = new Map([
  ['EEXIST', FILE_IN_THE_WAY],
  ['ENOTDIR', FILE_IN_THE_WAY],
  ['ENOTEMPTY', 'an earlier entry made a directory of that name, and it is not empty'],
  ['ENAMETOOLONG', 'its name is longer than the file system allows'],
  ['EMLINK', 'the file has more hard links than the file system allows'],
  ['ELOOP', 'its path goes through a symlink'],
]);

/** Runs a step that writes an entry; its error names the entry. */
export function namingEntry<T>(path: ByteName, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw writeError(path, error);
  }
}

/** An error with the name of the entry that was written, and without the path that the system's message has. */
export function writeError(path: ByteName, error: unknown): DeployError {
  const fault = ARCHIVE_FAULTS.get(errnoOf(error) ?? '');
  const { kind, message, hint } = toDeployError(error);
  const text = fault ?? (errnoOf(error) === undefined ? message : message.replace(/, [a-z]+( .*)?$/s, ''));
  const said = `entry ${showName(path)} cannot be written: ${text}`;
  return new DeployError(fault === undefined ? kind : 'invalid', said, { hint, cause: error });
}
