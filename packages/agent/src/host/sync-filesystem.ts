import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DeployError, toDeployError } from '@deploy-tools/shared/errors.js';

const run = promisify(execFile);

/**
 * Makes a tree survive a power loss: syncfs(2), by coreutils' `sync -f` because Node.js has no call for it; one fsync a file costs far
 * more. A `sync` without -f (old busybox) flushes all file systems.
 * @throws DeployError internal, with the message of `sync`, such as an error of the disk.
 */
export async function syncTree(dir: string): Promise<void> {
  const env = { ...process.env, LC_ALL: 'C' };
  try {
    await run('sync', ['-f', dir], { env }).catch((error: unknown) => {
      if (!/(unrecognized|invalid|unknown) option/.test(String(error))) throw error;
      return run('sync', [], { env });
    });
  } catch (error) {
    throw new DeployError('internal', `${dir} cannot be flushed to the disk: ${said(error)}`, {
      hint: 'look at the disk and at the log of the kernel',
      cause: error,
    });
  }
}

function said(error: unknown): string {
  const stderr = typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr) : '';
  return stderr.trim() || toDeployError(error).message;
}
