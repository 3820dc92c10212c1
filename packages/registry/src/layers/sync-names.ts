import { open } from 'node:fs/promises';

/**
 * Makes renames and new names in a directory survive power loss, as shared/host/atomic-file.ts does, but outside of the
 * event loop: while the same disk is written to heavily it can take a tenth of a second.
 */
export async function syncNames(dir: string): Promise<void> {
  const directory = await open(dir, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
