import { relative } from 'node:path';

/** Whether an absolute path is the directory itself or below it. Symlinks are not resolved. */
export function isWithin(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way === '' || !(way === '..' || way.startsWith('../'));
}
