import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { errnoOf } from '@deploy-tools/shared/errors.js';

const run = promisify(execFile);

/**
 * Makes a whole tree survive power loss: syncfs(2) by coreutils' `sync -f`, since Node.js has no call for it and one
 * fsync a file costs far more. A `sync` that knows no -f (busybox) flushes everything instead.
 */
export async function syncTree(dir: string): Promise<void> {
  try {
    await run('sync', ['-f', dir]);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw error;
    await run('sync', []);
  }
}
