import { type ByteName, showName } from '@deploy-tools/shared/archive/byte-name.js';
import { DeployError, errnoOf, toDeployError } from '@deploy-tools/shared/errors.js';

export const FILE_IN_THE_WAY = 'an earlier entry made a file where it needs a directory';

/** What the archive did wrong when the system refuses an entry so; other codes speak of the host. */
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

/** An error from writing an entry, with the entry's name; the paths in texts of the system are left out. */
export function writeError(path: ByteName, error: unknown): DeployError {
  const fault = ARCHIVE_FAULTS.get(errnoOf(error) ?? '');
  const { kind, message, hint } = toDeployError(error);
  const text = fault ?? (errnoOf(error) === undefined ? message : message.replace(/, [a-z]+( .*)?$/s, ''));
  return new DeployError(
    fault === undefined ? kind : 'invalid',
    `entry ${showName(path)} cannot be written: ${text}`,
    { ...(hint === undefined ? {} : { hint }), cause: error },
  );
}
