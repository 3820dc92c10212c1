import { closeSync, fstatSync, readlinkSync, realpathSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { DeployError, isMissing, toDeployError } from '@deploy-tools/shared/errors.js';
import { isWithin } from '@deploy-tools/shared/host/is-within.js';
import { openRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import type { SyncRequest } from './sync-request.js';

const MAX_BYTES = 1024 * 1024;

/**
 * Opens the file of rules of a sync, where there is one, at its beginning: a user who exchanges what has its name does not exchange what
 * is read. What only looks like a file would be waited for without an end, and a symlink of the source could have a file of the host read.
 * @returns a descriptor, the caller's to close; undefined without rules.
 * @throws DeployError not-found; unsafe: it is outside of the source; invalid, too-large, denied: it cannot be read.
 */
export function openRules({
  from,
  excludeFrom,
}: Pick<SyncRequest, 'from' | 'excludeFrom'>): number | undefined {
  if (excludeFrom === undefined) return undefined;
  const isHosts = isAbsolute(excludeFrom);
  const path = isHosts ? excludeFrom : join(from, excludeFrom);
  const fd = opened(path);
  try {
    if (!isHosts) requireInside(from, path, readlinkSync(`/proc/self/fd/${fd}`));
    requireSmall(path, fstatSync(fd).size);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Says beforehand what {@link openRules} would. @throws as that. */
export function checkRules(sync: Pick<SyncRequest, 'from' | 'excludeFrom'>): void {
  const fd = openRules(sync);
  if (fd !== undefined) closeSync(fd);
}

function opened(path: string): number {
  try {
    return openRegularFile(path);
  } catch (error) {
    if (isMissing(error))
      throw new DeployError('not-found', `there is no ${path} to read exclude rules from`, {
        hint: 'check the path of the exclude rules: a relative one is in the release',
        cause: error,
      });
    const { kind, message } = toDeployError(error);
    throw new DeployError(kind, `the exclude rules in ${path} cannot be read: ${message}`, { cause: error });
  }
}

/** @param real where the open file is. */
function requireInside(from: string, path: string, real: string): void {
  if (isWithin(realpathSync(from), real)) return;
  throw new DeployError('unsafe', `the exclude rules ${path} are a symlink out of the release, to ${real}`, {
    hint: 'put the file itself into the release, or name one of the host by an absolute path',
  });
}

function requireSmall(path: string, bytes: number): void {
  if (bytes > MAX_BYTES)
    throw new DeployError('too-large', `the exclude rules ${path} are larger than 1 MiB`, {
      hint: 'leave out whole directories instead of their files',
    });
}
