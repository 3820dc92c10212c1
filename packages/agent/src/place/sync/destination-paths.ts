import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isWithin } from '@deploy-tools/shared/host/is-within.js';
import type { SyncStrategy } from './sync-request.js';

interface Place {
  readonly to: string;
  readonly strategy: SyncStrategy;
}

/** The directory of a destination's releases, with the strategy `release`. */
export function releasesOf(to: string): string {
  return `${to}.releases`;
}

/** The real path of a destination. With `rsync`, which syncs to the target of a symlink, its name is resolved too. */
export function realDestination({ to, strategy }: Place): string {
  return strategy === 'rsync' ? realPlace(to) : realName(to);
}

/** The real path of a name: symlinks above it are resolved, but the name itself is not. */
export function realName(path: string): string {
  return join(realPlace(dirname(resolve(path))), basename(path));
}

/**
 * Absolute paths of the directories that a destination writes to; other content in them may be removed. Its own name is the first: a
 * user who exchanges a symlink of this name decides what is written to.
 */
export function directoriesOf(destination: Place): string[] {
  const name = realName(destination.to);
  const releases = destination.strategy === 'release' ? [releasesOf(name), realPlace(releasesOf(name))] : [];
  return [...new Set([name, realDestination(destination), ...releases])];
}

/** Whether neither path is the other or inside of the other. Both absolute. */
export function areApart(one: string, other: string): boolean {
  return !isWithin(one, other) && !isWithin(other, one);
}

/** The real path of a path whose last parts need not exist. */
export function realPlace(path: string): string {
  const absolute = resolve(path);
  if (existsSync(absolute)) return realpathSync(absolute);
  const parent = dirname(absolute);
  return parent === absolute ? absolute : join(realPlace(parent), basename(absolute));
}
