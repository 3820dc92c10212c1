import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DeployError, rewordError } from '@deploy-tools/shared/errors.js';
import { makeDirectory } from '@deploy-tools/shared/host/make-directory.js';
import { type HeldDirectory, withNames } from '../../release/unpack/held-directory.js';
import { checkDestination, holdParent, isDirectory } from './check-destination.js';
import { areApart } from './destination-paths.js';
import { checkRules } from './exclude-rules.js';
import { moveInto } from './move-into.js';
import { releaseInto, targetOf } from './release-into.js';
import { rsyncInto } from './run-rsync.js';
import type { SyncRequest, SyncStats, SyncStrategy } from './sync-request.js';

/** One strategy. */
interface Way {
  /** @param parent of the destination, which has been checked. */
  readonly put: (sync: SyncRequest, parent: HeldDirectory, signal: AbortSignal) => Promise<SyncStats>;
  /** The end of an error message: the state of the destination after a failure. */
  readonly stateAfterFailure: (to: string) => string;
}

const WAYS: Readonly<Record<SyncStrategy, Way>> = {
  rsync: { put: rsyncInto, stateAfterFailure: () => '' }, // rsyncInto says it once rsync(1) has begun.
  mv: { put: moveInto, stateAfterFailure: () => '; nothing was moved' },
  release: {
    put: releaseInto,
    stateAfterFailure: (to) =>
      targetOf(to) === undefined ? `; there is no ${to} yet` : `; ${to} leads to what it led to before`,
  },
};

/**
 * Gets the content of a directory to a destination; makes missing directories above it (0755). Nothing is written in place: a file,
 * the tree (`mv`) or the link (`release`) takes its name by rename. When it resolves, everything is on the disk, unless `durable` is
 * false. The caller holds the destination's lock.
 *
 * The error says in which state the destination is. With `mv` and `release` it is as before; with `rsync` it may be partly new, and
 * syncing again completes it.
 * @throws DeployError not-found: no source, no file of rules; unsafe: that file is outside of the source; invalid: one directory is in
 * the other; usage: rsync(1) is needed and missing; exists: `to` is occupied; script: rsync(1) failed; cancelled; no-space; denied.
 */
export async function syncTree(request: SyncRequest, signal: AbortSignal): Promise<SyncStats> {
  const { from, to, strategy } = request;
  if (!isDirectory(from)) throw new DeployError('not-found', `there is no directory ${from} to sync from`);
  checkRules(request);
  makeDirectory(dirname(to), 0o755);
  checkApart(from, to);
  const { put, stateAfterFailure } = WAYS[strategy];
  const parent = holdParent(to);
  try {
    checkDestination(to, strategy);
    return await put(request, parent, signal);
  } catch (error) {
    throw rewordError(withNames(error), (message) => `${message}${stateAfterFailure(to)}`);
  } finally {
    parent.close();
  }
}

/** Refuses a directory in itself, whose sync would not end, and one that contains its source, which the sync would remove. */
function checkApart(from: string, to: string): void {
  const source = realpathSync(from);
  const target = isDirectory(to) ? realpathSync(to) : join(realpathSync(dirname(to)), basename(to));
  if (areApart(source, target)) return;
  throw new DeployError('invalid', `${from} and ${to} are one in the other`, {
    hint: 'name a destination that is neither inside of the source nor around it',
  });
}
