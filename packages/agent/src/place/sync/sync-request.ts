export const SYNC_STRATEGIES = ['rsync', 'mv', 'release'] as const;

/**
 * How a tree gets to its destination:
 * - `rsync`: the destination becomes like the source, file by file (`rsync -a --delete`);
 * - `mv`: the source takes the destination's name, which must be free;
 * - `release`: a fresh copy in `<to>.releases/`, to which the symlink `to` is switched; earlier ones are kept.
 */
export type SyncStrategy = (typeof SYNC_STRATEGIES)[number];

export interface SyncRequest {
  /** Absolute path of a directory; its content is what is synced. */
  readonly from: string;
  /** Absolute path. */
  readonly to: string;
  readonly strategy: SyncStrategy;
  /** Filter rules of rsync, as of its `--exclude`. Those of the file come before these. */
  readonly excludes: readonly string[];
  /** A file of such rules, one a line, as of rsync's `--exclude-from`: a relative path is in the source, and no symlink out of it. */
  readonly excludeFrom: string | undefined;
  /** Permission bits of the destination's root. */
  readonly destMode: number;
  /** Whether `log` gets a line for each file that changes. */
  readonly verbose: boolean;
  readonly log: (line: string) => void;
  /**
   * How a file that need not be copied is known, with `rsync`: `times` by size and time, as rsync does by itself;
   * `content` by what is in it, which is for trees whose files all have one time. `times` by default.
   */
  readonly compare?: 'times' | 'content';
  /** With `mv`: the source stays, what gets the name is a copy. */
  readonly keepSource?: boolean;
  /** With `mv`: called right before the copy or the source gets the name, with its absolute path. */
  readonly beforeRename?: (path: string) => void;
  /** With `rsync`: what is superfluous is removed before anything is copied, so that a full disk has room for it. */
  readonly deleteFirst?: boolean;
  /** With `release`: names the release among its kind, as a file name; random without. */
  readonly id?: string;
  /** With `release`: switch to the newest that is there by the name of {@link id}, if there is one. */
  readonly reuse?: boolean;
  /** With `release`: the newest that are kept, besides the new and the one before; 5 by default. */
  readonly keep?: number;
  /** Whether all is on the disk when it is done, power loss included; true by default. */
  readonly durable?: boolean;
}

/** What was done. */
export interface SyncStats {
  /** Regular files that were made or replaced. */
  readonly files: number;
  /** Files and directories that were removed. */
  readonly deleted: number;
  /** Of the files' content. */
  readonly bytes: number;
  /** The directory that `to` leads to now. */
  readonly root: string;
}

/** What one way of doing it counts. */
export type SyncCounts = Omit<SyncStats, 'root'>;
