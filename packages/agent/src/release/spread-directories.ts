import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The type of ext2, ext3 and ext4 in statfs(2). */
export const EXT4 = 0xef53;

/**
 * Has ext4 give each new directory in this one its own group of inodes: the attribute T of chattr(1). In a shared group the
 * kernel examines every inode that was removed within the last minutes before it takes a new one. So after an old release was
 * removed, making the next one would take several times as long. Other file systems do not need it; a failure costs time only.
 */
export async function spreadDirectories(dir: string): Promise<void> {
  try {
    if ((await statfs(dir)).type === EXT4) await run('chattr', ['+T', dir]);
  } catch {
    // There is no chattr, or the directory is another user's.
  }
}
