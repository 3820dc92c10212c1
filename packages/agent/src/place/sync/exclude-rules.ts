import { closeSync, fstatSync, readlinkSync, realpathSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { DeployError, isMissing, toDeployError } from '@deploy-tools/shared/errors.js';
import { isWithin } from '@deploy-tools/shared/host/is-within.js';
import { openRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import type { SyncRequest } from './sync-request.js';

const MAX_BYTES = 1024 * 1024;

/**
 * Opens the file with a sync's exclude rules. rsync(1) reads this descriptor: a user who exchanges the file meanwhile changes nothing.
 * A symlink out of the source is refused, because it could have any file of the host read.
 * @returns a descriptor, which the caller closes; undefined without rules.
 * @throws DeployError not-found; unsafe: outside of the source; invalid, too-large, denied: not readable.
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
    const real = readlinkSync(`/proc/self/fd/${fd}`);
    if (!isHosts && !isWithin(realpathSync(from), real))
      throw new DeployError(
        'unsafe',
        `the exclude rules ${path} are a symlink out of the release, to ${real}`,
        {
          hint: 'put the file itself into the release, or name one of the host by an absolute path',
        },
      );
    if (fstatSync(fd).size > MAX_BYTES)
      throw new DeployError('too-large', `the exclude rules ${path} are larger than 1 MiB`, {
        hint: 'leave out whole directories instead of their files',
      });
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Fails where {@link openRules} would. */
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
