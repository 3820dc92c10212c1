import { posix } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';

const MAX_PATH_BYTES = 4096;

/**
 * Normalises a path as a client sends it: relative ones start at the root, `..` never leaves it.
 * @returns an absolute path without `.`, `..`, doubled or trailing slashes.
 * @throws DeployError invalid on NUL or an absurd length.
 */
export function normalizePath(path: string): string {
  if (path.includes('\0') || Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new DeployError('invalid', 'the path is not acceptable');
  }
  const absolute = posix.join('/', path);
  return absolute.length > 1 && absolute.endsWith('/') ? absolute.slice(0, -1) : absolute;
}
