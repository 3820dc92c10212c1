import { dirname } from 'node:path';
import { toDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { eitherSignal } from '../host/either-signal.js';
import type { Timers } from '../host/timers.js';
import type { Root } from '../process/script/script-environment.js';
import { removeTree } from '../release/unpack/run-tree-task.js';
import { pointCurrent } from './current-link.js';
import { forgetPlaced, inodeOf, readPlaced, removePlaced, writePlaced } from './placed-record.js';
import { replaceDestination, replacedAt } from './replaced-destination.js';
import { checkDestination } from './sync/check-destination.js';
import type { Destination } from './sync/destination.js';
import { checkOutside, type DestinationClaim } from './sync/destination-owner.js';
import { checkRules } from './sync/exclude-rules.js';
import { lockDestination } from './sync/lock-destination.js';
import { requireRsync } from './sync/run-rsync.js';
import type { SyncRequest, SyncStats } from './sync/sync-request.js';

/** Characters of the hash in the name of a release beside the destination. */
const ID_CHARACTERS = 16;

/** Forward to a new release, or back to an earlier one. */
export type Way = 'forward' | 'back';

export interface PlaceOptions {
  /** Of the configuration that the destination belongs to. */
  readonly name: string;
  readonly paths: {
    /** The symlink to the active release. */
    readonly current: string;
    /** The record of the last sync to the destination. */
    readonly placed: string;
  };
  /** Where each release is synced to; undefined for nowhere. */
  readonly destination: Destination | undefined;
  /** How many releases strategy `release` keeps at the destination. */
  readonly keep: number;
  readonly timers: Timers;
  readonly log: Logger;
  /** Called with each line for the log of the attempt. */
  readonly onNote: (line: string) => void;
  /** Called with a sentence that says what the attempt waits for; with undefined when the wait is over. */
  readonly onWait: (what: string | undefined) => void;
}

/** Keeps other processes from deploying to the destination. */
export interface DestinationHold {
  /** Idempotent. */
  release(): void;
}

/** One change of the active release. */
export interface Placement {
  readonly way: Way;
  /** Of the destination; it is released at the end. */
  readonly hold: DestinationHold;
  readonly signal: AbortSignal;
}

/** Makes a release the active one for programs outside of the agent: by the symlink `current` and the destination. */
export class ReleasePlace {
  readonly #options: PlaceOptions;

  constructor(options: PlaceOptions) {
    this.#options = options;
  }

  /** Path of the destination, which other processes may hold; undefined without one. */
  get destination(): string | undefined {
    return this.#options.destination?.to;
  }

  /**
   * Holds the destination, before anything live is touched. Waits while another process deploys there; the report, `ctl status` and the
   * log say so. Without a destination there is nothing to hold.
   * @param signals each of them ends the wait.
   * @throws DeployError conflict when the destination is another agent's; denied; unsafe; the reason of a signal.
   */
  async hold(...signals: readonly AbortSignal[]): Promise<DestinationHold> {
    const { destination, timers, log, onWait } = this.#options;
    if (destination === undefined) return { release: () => {} };
    const until = eitherSignal(...signals);
    try {
      const claim = this.#claim(destination);
      const unlock = await lockDestination({
        ...claim,
        waits: true,
        timers,
        signal: until.signal,
        log: (line) => {
          onWait(line);
          log.warn(line);
        },
      });
      return { release: once(unlock) };
    } finally {
      until.clear();
      onWait(undefined);
    }
  }

  /**
   * Has `current` and the destination lead to a release; idempotent. The signal does not interrupt strategy `rsync`, which changes file
   * by file: half a sync is worse than a late exit.
   * @throws DeployError as syncTree, saying in which state the destination is.
   */
  async put(next: Root, { way, hold, signal }: Placement): Promise<void> {
    const { destination, paths } = this.#options;
    try {
      pointCurrent(paths.current, next.root);
      if (destination === undefined) removePlaced(paths.placed);
      else if (destination.strategy !== 'mv' || !this.has(next.id))
        await this.#sync(next, way, { destination, signal });
    } finally {
      hold.release();
    }
  }

  /**
   * Removes replaced destinations that a killed agent left beside the destination. Leaves them, with a warning, where they cannot be
   * removed, the destination is another agent's, or another process deploys there.
   */
  async removeReplaced(signal: AbortSignal): Promise<void> {
    const { destination, timers, log } = this.#options;
    if (destination === undefined || replacedAt(destination.to).length === 0) return;
    try {
      const claim = this.#claim(destination);
      const release = await lockDestination({ ...claim, waits: false, timers, signal, log: () => {} });
      try {
        for (const path of replacedAt(destination.to)) await removeTree(path, signal);
      } finally {
        release();
      }
    } catch (error) {
      if (signal.aborted) throw error;
      const err = toDeployError(error).message;
      log.warn({ err }, 'cannot remove a replaced destination of a killed agent; the next start retries');
    }
  }

  /** Whether the destination has this release; true without a destination. @param hash of its configuration. */
  has(hash: string): boolean {
    return isPlaced(this.#options, hash);
  }

  /**
   * Fails, before anything live is touched, where something would keep a release from its destination.
   * @throws DeployError exists; not-found, unsafe: the file of rules; usage: rsync(1) was removed; conflict: the destination is
   *   another agent's.
   */
  check(next: Root): void {
    const { destination } = this.#options;
    if (destination === undefined) return;
    checkRules({ ...destination, from: next.root });
    if (destination.strategy === 'mv' && this.has(next.id)) return;
    requireRsync(destination);
    checkOutside(this.#claim(destination));
    checkDestination(destination.to, destination.strategy);
  }

  #claim({ to, strategy }: Destination): DestinationClaim {
    const { name, paths } = this.#options;
    return { to, strategy, owner: { name, dir: dirname(paths.placed) } };
  }

  async #sync(
    next: Root,
    way: Way,
    { destination, signal }: { readonly destination: Destination; readonly signal: AbortSignal },
  ): Promise<void> {
    const { paths, log, onNote } = this.#options;
    const { to, strategy } = destination;
    if (strategy !== 'mv') forgetPlaced(paths.placed, destination);
    const began = performance.now();
    const sync = async (): Promise<SyncStats> => {
      const { syncTree } = await import('./sync/sync-tree.js'); // Most agents have no use for it.
      const until = strategy === 'rsync' ? new AbortController().signal : signal;
      return await syncTree(this.#request(next, way, destination), until);
    };
    const { root, ...counts } =
      strategy === 'mv' && way === 'back'
        ? await replaceDestination({ to, placed: paths.placed, log }, sync)
        : await sync();
    if (strategy !== 'mv') writePlaced(paths.placed, { to, strategy, hash: next.id, inode: '' });
    const ms = Math.round(performance.now() - began);
    onNote(`synced to ${to}`);
    log.info({ to, strategy, root, ...counts, ms }, 'synced to the destination');
  }

  #request({ id: hash, root }: Root, way: Way, destination: Destination): SyncRequest {
    const { paths, keep, log, onNote } = this.#options;
    const { to, strategy } = destination;
    const verbose = log.isLevelEnabled('debug');
    return {
      ...destination,
      from: root,
      compare: 'content', // The files of an image, or of a reproducible build, all have the same time.
      keepSource: true,
      beforeRename: (path) => writePlaced(paths.placed, { to, strategy, hash, inode: inodeOf(path) }),
      id: hash.slice(0, ID_CHARACTERS),
      reuse: way === 'back',
      deleteFirst: way === 'back',
      keep,
      verbose,
      log: (line) => {
        if (!verbose) onNote(line);
        log[verbose ? 'debug' : 'warn'](line);
      },
    };
  }
}

/** Whether the destination has this release; true without a destination. @param hash of its configuration. */
export function isPlaced(
  { destination, paths }: Pick<PlaceOptions, 'destination'> & { readonly paths: { readonly placed: string } },
  hash: string,
): boolean {
  if (destination === undefined) return true;
  const placed = readPlaced(paths.placed);
  const { to, strategy } = destination;
  if (placed?.to !== to || placed.strategy !== strategy || placed.hash !== hash) return false;
  return strategy !== 'mv' || placed.inode === inodeOf(to);
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
