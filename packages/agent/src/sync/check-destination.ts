import { lstatSync, statSync } from 'node:fs';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { SyncStrategy } from './sync-request.js';

/**
 * Says beforehand what would keep a tree from getting to its destination.
 * @throws DeployError exists.
 */
export function checkDestination(to: string, strategy: SyncStrategy): void {
  const there = lstatSync(to, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (strategy === 'mv')
    throw new DeployError('exists', `${to} exists, and mv puts a tree only where nothing is`, {
      hint: 'move it away before, or use the strategy rsync or release',
    });
  if (strategy === 'release' && !there.isSymbolicLink())
    throw new DeployError('exists', `${to} is no symlink, so it cannot be switched to a release`, {
      hint: `move it away once, or use the strategy rsync: mv ${to} ${to}.before`,
    });
  if (strategy === 'rsync' && !isDirectory(to))
    throw new DeployError('exists', `${to} is not a directory`, { hint: 'move it away, or name another' });
}

/** Also where a symlink leads to one. */
export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
