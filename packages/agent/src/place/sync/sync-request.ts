export const SYNC_STRATEGIES = ['rsync', 'mv', 'release'] as const;

/**
 * How a tree gets to its destination:
 * - `rsync`: makes the destination like the source, file by file (`rsync -a --delete`);
 * - `mv`: gives the source the destination's name, which must be free;
 * - `release`: makes a fresh copy in `<to>.releases/` and switches the symlink `to`; keeps earlier copies.
 */
export type SyncStrategy = (typeof SYNC_STRATEGIES)[number];

export interface SyncRequest {
  /** Absolute path of the directory whose content is synced. */
  readonly from: string;
  /** Absolute path. */
  readonly to: string;
  readonly strategy: SyncStrategy;
  /** Rules as for rsync's `--exclude`. They come after those of the file. */
  readonly excludes: readonly string[];
  /** A file as for rsync's `--exclude-from`. A relative path is in the source; a symlink out of the source is refused. */
  readonly excludeFrom: string | undefined;
  /** Permission bits of the destination's root. */
  readonly destMode: number;
  /** Whether `log` gets a line for each file that changes. */
  readonly verbose: boolean;
  readonly log: (line: string) => void;
  /**
   * With `rsync`: how unchanged files are recognised. `times`, the default, compares sizes and times; `content` is for trees whose files
   * all have the same time.
   */
  readonly compare?: 'times' | 'content';
  /** With `mv`: keep the source and give the name to a copy. */
  readonly keepSource?: boolean;
  /** With `mv`: called with the absolute path of the tree right before it gets the name. */
  readonly beforeRename?: (path: string) => void;
  /** With `rsync`: remove superfluous files before copying, for a disk that is almost full. */
  readonly deleteFirst?: boolean;
  /** With `release`: the end of the release's name; random by default. */
  readonly id?: string;
  /** With `release`: switch to the newest existing release of this {@link id}, if there is one. */
  readonly reuse?: boolean;
  /** With `release`: how many of the newest to keep, besides the new and the previous one; 5 by default. */
  readonly keep?: number;
  /** Whether the result has to survive a power loss; true by default. */
  readonly durable?: boolean;
}

/** The result of a sync. */
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

/** The counts of a sync. */
export type SyncCounts = Omit<SyncStats, 'root'>;
