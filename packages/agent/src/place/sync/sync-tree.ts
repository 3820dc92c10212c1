import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { makeDirectory } from '@deploy-tools/shared/host/make-directory.js';
import { isDirectory } from './check-destination.js';
import { areApart } from './destination-paths.js';
import { checkRules } from './exclude-rules.js';
import { moveInto } from './move-into.js';
import { releaseInto } from './release-into.js';
import { rsyncInto } from './rsync-into.js';
import type { SyncRequest, SyncStats, SyncStrategy } from './sync-request.js';

const WAYS: Readonly<Record<SyncStrategy, (sync: SyncRequest, signal: AbortSignal) => Promise<SyncStats>>> = {
  rsync: rsyncInto,
  mv: moveInto,
  release: releaseInto,
};

/**
 * Gets the content of a directory to a destination; directories above that are missing are made (0755). Nothing is
 * written in place: a file, the tree (`mv`) or the link (`release`) takes its name by rename. When it resolves,
 * everything is on the disk, unless `durable` is false. One at a time for a destination: the caller sees to that.
 *
 * After a failure the error says what is in which state. With `mv` and `release` the destination is as it was;
 * with `rsync` it may be partly new, and syncing again completes it.
 * @throws DeployError not-found: no source, no file of rules; unsafe: that is outside of the source; invalid: one directory is in the other; usage: rsync(1) is needed and not there; exists:
 * what is at `to` is in the way; script: rsync(1) failed; cancelled; no-space; denied.
 */
export async function syncTree(request: SyncRequest, signal: AbortSignal): Promise<SyncStats> {
  if (!isDirectory(request.from))
    throw new DeployError('not-found', `there is no directory ${request.from} to sync from`);
  checkRules(request);
  makeDirectory(dirname(request.to), 0o755);
  checkApart(request.from, request.to);
  return await WAYS[request.strategy](request, signal);
}

/** Syncing a directory into itself would not end, and into one that holds it would remove it. */
function checkApart(from: string, to: string): void {
  const source = realpathSync(from);
  const target = isDirectory(to) ? realpathSync(to) : join(realpathSync(dirname(to)), basename(to));
  if (areApart(source, target)) return;
  throw new DeployError('invalid', `${from} and ${to} are one in the other`, {
    hint: 'name a destination that is apart',
  });
}
