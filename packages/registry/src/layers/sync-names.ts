import { open } from 'node:fs/promises';

/**
 * Makes renames and new names in a directory survive a loss of power. Unlike shared/host/atomic-file.ts it does not block the
 * event loop: on a busy disk it can take a tenth of a second.
 */
export async function syncNames(dir: string): Promise<void> {
  const directory = await open(dir, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
