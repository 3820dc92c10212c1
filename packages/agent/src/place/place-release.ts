import { renameSync } from 'node:fs';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from '../deploy/agent-context.js';
import type { Root } from '../process/script/script-environment.js';
import { removeTree } from '../release/unpack/remove-tree.js';
import { pointCurrent } from './current-link.js';
import { type DestinationHold, destinationClaim, holdDestination } from './hold-destination.js';
import {
  forgetPlaced,
  inodeOf,
  type PlacedRecord,
  readPlaced,
  removePlaced,
  writePlaced,
} from './placed-record.js';
import { removeReplaced, replacedAt, replacedBeside } from './replaced-destination.js';
import { checkDestination } from './sync/check-destination.js';
import type { Destination } from './sync/destination.js';
import { checkRules } from './sync/exclude-rules.js';
import { lockDestination } from './sync/lock-destination.js';
import { checkOutside } from './sync/nested-destinations.js';
import { requireRsync } from './sync/run-rsync.js';
import type { SyncRequest } from './sync/sync-request.js';

/** Of a hash, in the name of a release beside the destination. */
const ID_CHARACTERS = 16;

/**
 * Has `current` and the destination, where there is one, lead to a release; again is as good as once. Waits while another process
 * deploys there, and touches nothing before.
 * @param way `back` to a release that was there before.
 * @throws as {@link placeHeld} and holdDestination.
 */
export async function placeRelease(
  context: AgentContext,
  next: Root,
  way: 'forward' | 'back',
): Promise<void> {
  await placeHeld(context, next, { way, hold: await holdDestination(context) });
}

/**
 * The same where the destination is held already; it is released. A sync that makes the destination like the release file by file is
 * not interrupted when the agent is to stop: half of one is worse than a late exit.
 * @throws DeployError as syncTree, saying in which state the destination is.
 */
export async function placeHeld(
  context: AgentContext,
  next: Root,
  { way, hold }: { readonly way: 'forward' | 'back'; readonly hold: DestinationHold },
): Promise<void> {
  const { settings, paths } = context;
  const { destination } = settings;
  try {
    pointCurrent(paths.current, next.root);
    if (destination === undefined) removePlaced(paths.placed);
    else if (destination.strategy !== 'mv' || !isPlaced(context, next.id))
      await syncHeld(context, destination, { next, way });
  } finally {
    hold.release();
  }
}

/** @param destination is locked. */
async function syncHeld(
  context: AgentContext,
  destination: Destination,
  { next, way }: { readonly next: Root; readonly way: 'forward' | 'back' },
): Promise<void> {
  const { paths, signal, facts, log } = context;
  const { to, strategy } = destination;
  if (strategy !== 'mv') forgetPlaced(paths.placed, destination);
  const { syncTree } = await import('./sync/sync-tree.js'); // most agents have no use for it
  const sync = () =>
    syncTree(
      requestOf(context, destination, next, way),
      strategy === 'rsync' ? new AbortController().signal : signal,
    );
  const began = performance.now();
  const stats = await (strategy === 'mv' && way === 'back' ? inPlaceOf(context, destination, sync) : sync());
  if (strategy !== 'mv') writePlaced(paths.placed, { to, strategy, hash: next.id, inode: '' });
  const { root, ...counts } = stats;
  const ms = Math.round(performance.now() - began);
  facts.log.push(`synced to ${to}`);
  log.info({ to, strategy, root, ...counts, ms }, 'synced to the destination');
}

/**
 * Removes what an agent that was killed left beside the destination. What cannot be removed now, or is another agent's, is in
 * nobody's way; neither is it where another process deploys there.
 */
export async function removeReplacedReleases(context: AgentContext): Promise<void> {
  const { timers, signal, log } = context;
  const { destination } = context.settings;
  if (destination === undefined || replacedAt(destination.to).length === 0) return;
  try {
    const claim = destinationClaim(context, destination);
    const release = await lockDestination({ ...claim, waits: false, timers, signal, log: () => {} });
    try {
      await removeReplaced(destination.to, signal);
    } finally {
      release();
    }
  } catch (error) {
    if (signal.aborted) throw error;
    const err = toDeployError(error).message;
    log.warn({ err }, 'what is left beside the destination cannot be removed before the next start');
  }
}

/** Whether the destination, where there is one, has this release. */
export function isPlaced(
  { settings, paths }: Pick<AgentContext, 'settings' | 'paths'>,
  hash: string,
): boolean {
  const { destination } = settings;
  if (destination === undefined) return true;
  const placed = readPlaced(paths.placed);
  const { to, strategy } = destination;
  if (placed?.to !== to || placed.strategy !== strategy || placed.hash !== hash) return false;
  return strategy !== 'mv' || placed.inode === inodeOf(to);
}

/**
 * Says before anything live is touched what would keep a release from its destination.
 * @throws DeployError exists; not-found, unsafe: the file of rules; usage: rsync(1) was removed; conflict: the destination is another
 *   agent's.
 */
export function checkPlace(context: AgentContext, next: Root): void {
  const { destination } = context.settings;
  if (destination === undefined) return;
  checkRules({ ...destination, from: next.root });
  if (destination.strategy === 'mv' && isPlaced(context, next.id)) return;
  requireRsync(destination);
  checkOutside(destinationClaim(context, destination));
  checkDestination(destination.to, destination.strategy);
}

function requestOf(
  { settings, paths, log, facts }: AgentContext,
  destination: Destination,
  next: Root,
  way: 'forward' | 'back',
): SyncRequest {
  const hash = next.id;
  const { to, strategy } = destination;
  const verbose = log.isLevelEnabled('debug');
  return {
    ...destination,
    from: next.root,
    compare: 'content', // the files of an image, or of a reproducible build, all have one time
    keepSource: true,
    beforeRename: (path) => writePlaced(paths.placed, { to, strategy, hash, inode: inodeOf(path) }),
    id: hash.slice(0, ID_CHARACTERS),
    reuse: way === 'back',
    deleteFirst: way === 'back',
    keep: settings.keep,
    verbose,
    log: (line) => {
      if (!verbose) facts.log.push(line);
      log[verbose ? 'debug' : 'warn'](line);
    },
  };
}

/** With `mv`: what we put there before gives way; when nothing can take its place it has the name again. */
async function inPlaceOf<T>(
  { paths, log }: AgentContext,
  { to }: Destination,
  sync: () => Promise<T>,
): Promise<T> {
  const placed = readPlaced(paths.placed);
  if (placed?.to !== to || placed.inode !== inodeOf(to) || placed.inode === '') return await sync();
  const aside = replacedBeside(to);
  renameSync(to, aside);
  let stats: T;
  try {
    stats = await sync();
  } catch (error) {
    renameSync(aside, to);
    writePlaced(paths.placed, placed);
    throw error;
  }
  await removeAside(aside, placed, log);
  return stats;
}

/** Not where somebody who may write to the directory that it is in has given its name to something else. */
async function removeAside(aside: string, placed: PlacedRecord, log: AgentContext['log']): Promise<void> {
  try {
    if (inodeOf(aside) !== placed.inode)
      throw new DeployError('unsafe', 'it is not what was moved there', { hint: 'look what it is' });
    await removeTree(aside, new AbortController().signal);
  } catch (error) {
    log.warn({ path: aside, err: describeError(error) }, 'what gave way cannot be removed');
  }
}
