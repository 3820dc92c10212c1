import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isWithin } from '@deploy-tools/shared/host/is-within.js';
import type { SyncStrategy } from './sync-request.js';

/** What of a destination says where it writes. */
interface Place {
  readonly to: string;
  readonly strategy: SyncStrategy;
}

/** Where the releases of a destination are, with the strategy `release`. */
export function releasesOf(to: string): string {
  return `${to}.releases`;
}

/** Where the name of a destination leads to on the disk: with `rsync` through a symlink, which is synced to; else not. */
export function realDestination({ to, strategy }: Place): string {
  return strategy === 'rsync' ? realPlace(to) : realName(to);
}

/** Absolute path of a name itself, which may be a symlink; those above it are looked through. */
export function realName(path: string): string {
  return join(realPlace(dirname(resolve(path))), basename(path));
}

/**
 * Absolute paths of the directories that a destination takes: whatever else is in them may be removed. Its name comes first, for
 * a user who exchanges what has the name decides what is there.
 */
export function directoriesOf(destination: Place): string[] {
  const name = realName(destination.to);
  const releases = destination.strategy === 'release' ? [releasesOf(name), realPlace(releasesOf(name))] : [];
  return [...new Set([name, realDestination(destination), ...releases])];
}

/** Whether neither path is the other or inside of it. Both absolute. */
export function areApart(one: string, other: string): boolean {
  return !isWithin(one, other) && !isWithin(other, one);
}

/** A path without the symlinks in what is there of it. */
export function realPlace(path: string): string {
  const absolute = resolve(path);
  if (existsSync(absolute)) return realpathSync(absolute);
  const parent = dirname(absolute);
  return parent === absolute ? absolute : join(realPlace(parent), basename(absolute));
}
