import { spawnSync } from 'node:child_process';
import type { TarEntry } from '@deploy-tools/shared/archive/tar-entry.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { pathForPrograms } from './held-directory.js';

/**
 * Makes a FIFO or a device node under a free name with mknod(1), since Node.js has no call for it.
 * @param mode permission bits; without them the umask decides.
 * @throws DeployError denied, unsupported.
 */
export function makeSpecialFile(
  path: string | Buffer,
  { type, deviceMajor, deviceMinor }: Pick<TarEntry, 'type' | 'deviceMajor' | 'deviceMinor'>,
  mode?: number,
): void {
  if (typeof path !== 'string')
    throw new DeployError('unsupported', 'a FIFO or device needs a name in ASCII');
  const device = [type === 'block-device' ? 'b' : 'c', String(deviceMajor), String(deviceMinor)];
  const modeFlags = mode === undefined ? [] : ['-m', mode.toString(8)];
  const words = [...modeFlags, '--', pathForPrograms(path), ...(type === 'fifo' ? ['p'] : device)];
  const { error, status, stderr } = spawnSync('mknod', words, { encoding: 'utf8' });
  if (error !== undefined)
    throw new DeployError('unsupported', `mknod cannot be run: ${error.message}`, { cause: error });
  if (status !== 0) throw new DeployError('denied', stderr.trim());
}
