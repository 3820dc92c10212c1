import { statfs } from 'node:fs/promises';
import { formatByteSize } from '../byte-size.js';
import { DeployError } from '../errors.js';

/**
 * Checks that a directory's file system has free space.
 * @param what needs the space, for the message: `the download`.
 * @throws DeployError no-space.
 */
export async function checkSpace(dir: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(dir);
  if (bavail * bsize >= bytes) return;
  throw new DeployError(
    'no-space',
    `${what} takes ${formatByteSize(bytes)}, but ${dir} has ${formatByteSize(bavail * bsize)} left`,
    { hint: 'free some space on this host' },
  );
}
