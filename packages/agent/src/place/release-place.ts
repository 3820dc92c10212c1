import { renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { eitherSignal } from '../host/either-signal.js';
import type { Timers } from '../host/timers.js';
import type { Root } from '../process/script/script-environment.js';
import { removeTree } from '../release/unpack/run-tree-task.js';
import { pointCurrent } from './current-link.js';
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
import type { DestinationClaim } from './sync/destination-owner.js';
import { checkRules } from './sync/exclude-rules.js';
import { lockDestination } from './sync/lock-destination.js';
import { checkOutside } from './sync/nested-destinations.js';
import { requireRsync } from './sync/run-rsync.js';
import type { SyncRequest, SyncStats } from './sync/sync-request.js';

/** Characters of the hash that name a release beside the destination. */
const ID_CHARACTERS = 16;

/** Forward to a new release, or back to one that was there before. */
export type Way = 'forward' | 'back';

export interface PlaceOptions {
  /** Of the configuration that the destination belongs to. */
  readonly name: string;
  readonly paths: {
    /** The symlink to the active release. */
    readonly current: string;
    /** The record of what was synced to the destination. */
    readonly placed: string;
  };
  /** Where each release is synced to; undefined for nowhere. */
  readonly destination: Destination | undefined;
  /** Releases that strategy `release` keeps at the destination. */
  readonly keep: number;
  readonly timers: Timers;
  readonly log: Logger;
  /** Called with each line that belongs to the log of the attempt. */
  readonly onNote: (line: string) => void;
  /** Called with what is waited for, and with undefined when the wait is over. */
  readonly onWait: (what: string | undefined) => void;
}

/** Keeps other processes from deploying to the destination. */
export interface DestinationHold {
  /** Idempotent. */
  release(): void;
}

/** What makes a release the active one for everything outside of the agent: the symlink `current`, and the destination. */
export class ReleasePlace {
  readonly #options: PlaceOptions;

  constructor(options: PlaceOptions) {
    this.#options = options;
  }

  /** Whether there is a destination that other processes may hold. */
  get destination(): string | undefined {
    return this.#options.destination?.to;
  }

  /**
   * Holds the destination before anything live is touched. Waits while another process deploys there, which the report, `ctl status`
   * and the log say. Without a destination there is nothing to hold.
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
   * Has `current` and the destination lead to a release; idempotent. A sync that makes the destination like the release file by file
   * is not interrupted by the signal: half of one is worse than a late exit.
   * @param hold is released.
   * @throws DeployError as syncTree, saying in which state the destination is.
   */
  async put(
    next: Root,
    {
      way,
      hold,
      signal,
    }: { readonly way: Way; readonly hold: DestinationHold; readonly signal: AbortSignal },
  ): Promise<void> {
    const { destination, paths } = this.#options;
    try {
      pointCurrent(paths.current, next.root);
      if (destination === undefined) removePlaced(paths.placed);
      else if (destination.strategy !== 'mv' || !this.has(next.id))
        await new PlaceSync(this.#options, destination, signal).run(next, way);
    } finally {
      hold.release();
    }
  }

  /**
   * Removes what an agent that was killed left beside the destination. What cannot be removed now, or belongs to another agent, is in
   * nobody's way; neither is it where another process deploys there.
   */
  async removeReplaced(signal: AbortSignal): Promise<void> {
    const { destination, timers, log } = this.#options;
    if (destination === undefined || replacedAt(destination.to).length === 0) return;
    try {
      const claim = this.#claim(destination);
      const release = await lockDestination({ ...claim, waits: false, timers, signal, log: () => {} });
      try {
        await removeReplaced(destination.to, signal);
      } finally {
        release();
      }
    } catch (error) {
      if (signal.aborted) throw error;
      const err = toDeployError(error).message;
      log.warn({ err }, 'cannot remove what is left beside the destination; the next start tries again');
    }
  }

  /** Whether the destination, where there is one, has this release. @param hash of its configuration. */
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

  /** Whose the destination is, as its lock files say. */
  #claim({ to, strategy }: Destination): DestinationClaim {
    const { name, paths } = this.#options;
    return { to, strategy, owner: { name, dir: dirname(paths.placed) } };
  }
}

/** Whether the destination, where there is one, has this release. @param hash of its configuration. */
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

/** One sync of a release to a destination that is held. */
class PlaceSync {
  readonly #options: PlaceOptions;
  readonly #destination: Destination;
  readonly #signal: AbortSignal;

  constructor(options: PlaceOptions, destination: Destination, signal: AbortSignal) {
    this.#options = options;
    this.#destination = destination;
    this.#signal = signal;
  }

  async run(next: Root, way: Way): Promise<void> {
    const { paths, log, onNote } = this.#options;
    const { to, strategy } = this.#destination;
    if (strategy !== 'mv') forgetPlaced(paths.placed, this.#destination);
    const began = performance.now();
    const sync = () => this.#sync(next, way);
    const { root, ...counts } =
      strategy === 'mv' && way === 'back' ? await this.#inPlaceOfEarlier(sync) : await sync();
    if (strategy !== 'mv') writePlaced(paths.placed, { to, strategy, hash: next.id, inode: '' });
    const ms = Math.round(performance.now() - began);
    onNote(`synced to ${to}`);
    log.info({ to, strategy, root, ...counts, ms }, 'synced to the destination');
  }

  async #sync(next: Root, way: Way): Promise<SyncStats> {
    const { syncTree } = await import('./sync/sync-tree.js'); // Most agents have no use for it.
    const isUninterrupted = this.#destination.strategy === 'rsync';
    const signal = isUninterrupted ? new AbortController().signal : this.#signal;
    return await syncTree(this.#request(next, way), signal);
  }

  #request({ id: hash, root }: Root, way: Way): SyncRequest {
    const { paths, keep, log, onNote } = this.#options;
    const { to, strategy } = this.#destination;
    const verbose = log.isLevelEnabled('debug');
    return {
      ...this.#destination,
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

  /** With `mv`: moves the earlier release aside first; where no other can take its place, it gets its name again. */
  async #inPlaceOfEarlier<T>(sync: () => Promise<T>): Promise<T> {
    const { paths } = this.#options;
    const { to } = this.#destination;
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
    await this.#removeAside(aside, placed);
    return stats;
  }

  /** Spares it where another user who may write to its parent directory has given its name to something else. */
  async #removeAside(aside: string, placed: PlacedRecord): Promise<void> {
    try {
      if (inodeOf(aside) !== placed.inode)
        throw new DeployError('unsafe', 'it is not what was moved there', { hint: 'look what it is' });
      await removeTree(aside);
    } catch (error) {
      this.#options.log.warn(
        { path: aside, err: describeError(error) },
        'cannot remove the replaced destination',
      );
    }
  }
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
