import { lstatSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { requireOurSymlink } from './destination-parent.js';
import { checkReleases } from './release-store.js';
import type { SyncStrategy } from './sync-request.js';

/**
 * Says beforehand what would keep a tree from getting to its destination.
 * @throws DeployError exists; unsafe where somebody else says by a symlink what would be written to.
 */
export function checkDestination(to: string, strategy: SyncStrategy): void {
  const there = lstatSync(to, { throwIfNoEntry: false });
  if (strategy === 'release') checkReleases(to);
  if (there !== undefined) CHECKS[strategy](to, there);
}

const CHECKS: Readonly<Record<SyncStrategy, (to: string, there: Stats) => void>> = {
  mv: (to) => {
    throw new DeployError('exists', `${to} exists, and mv puts a tree only where nothing is`, {
      hint: 'move it away before, or use the strategy rsync or release',
    });
  },
  release: (to, there) => {
    if (there.isSymbolicLink()) return;
    throw new DeployError('exists', `${to} is no symlink, so it cannot be switched to a release`, {
      hint: `move it away once, or use the strategy rsync: mv ${to} ${to}.before`,
    });
  },
  rsync: (to, there) => {
    if (!isDirectory(to))
      throw new DeployError('exists', `${to} is not a directory`, { hint: 'move it away, or name another' });
    if (there.isSymbolicLink())
      requireOurSymlink(to, statSync(dirname(to)), 'name the directory itself that it leads to');
  },
};

/** Also where a symlink leads to one. */
export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
