import { spawnSync } from 'node:child_process';
import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { pathForPrograms } from './held-directory.js';

/**
 * Makes a FIFO or a device node where nothing is yet. Node has no call for it, so the system's `mknod` does it.
 * @throws DeployError denied, unsupported.
 */
export function makeSpecialFile(path: string | Buffer, entry: SafeEntry): void {
  if (typeof path !== 'string') {
    throw new DeployError('unsupported', 'a FIFO or device needs a name in ASCII');
  }
  const device = [String(entry.deviceMajor), String(entry.deviceMinor)];
  const kind = entry.type === 'fifo' ? ['p'] : [entry.type === 'block-device' ? 'b' : 'c', ...device];
  const made = spawnSync('mknod', ['-m', entry.mode.toString(8), '--', pathForPrograms(path), ...kind], {
    encoding: 'utf8',
  });
  if (made.error !== undefined) {
    throw new DeployError('unsupported', `mknod cannot be run: ${made.error.message}`, { cause: made.error });
  }
  if (made.status !== 0) throw new DeployError('denied', made.stderr.trim());
}
