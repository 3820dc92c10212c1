import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { type FSWatcher, watch } from 'chokidar';
import { stepsOf } from './path-steps.js';

export interface PathWatchOptions {
  /** Absolute paths of files. */
  readonly paths: readonly string[];
  /** Called when what a path leads to may have changed, and once after the watched directories did. */
  readonly onEvent: () => void;
  /** Called when a directory cannot be watched, as with ENOSPC at the system's limit of watches. Others still are. */
  readonly onError: (error: unknown) => void;
}

/**
 * Watches the directories that decide what some paths lead to: of each path, of every link on the way, and of what it
 * ends in. Not the files themselves, as a watched file that is replaced is watched no more.
 *
 * Events are those that the system reports, which chokidar calls `raw`, for the names on the way only. Its others leave out
 * a link to a directory that is pointed elsewhere, and a file that is replaced by one with the same time.
 */
export class PathWatch {
  readonly #options: PathWatchOptions;
  #watcher: FSWatcher | undefined;
  /** The watched directories as they were. */
  #signature = '';
  /** The names on the way, by their directories. */
  #names: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  /** A watched directory was itself renamed or removed. One that has its path now is not watched, even with the same inode. */
  #isStale = false;

  constructor(options: PathWatchOptions) {
    this.#options = options;
  }

  /** Watches the directories that count now; nothing is watched before the first call. One at a time. */
  async follow(): Promise<void> {
    this.#names = await namesByDirectory(this.#options.paths);
    const directories = [...this.#names.keys()];
    const signature = (await Promise.all(directories.map(signatureOf))).join('\n');
    if (signature === this.#signature && !this.#isStale) return;
    await this.close(); // first: chokidar has one watch of a path for all, which may be of a directory that is gone
    this.#signature = signature;
    this.#watcher = this.#open(new Set(directories));
  }

  /** Not while {@link follow} runs. */
  async close(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    this.#signature = '';
    this.#isStale = false;
    if (watcher === undefined) return;
    const closed = watcher.close();
    watcher.on('error', () => {}); // it took ours off, and what it was just doing may still fail
    await closed;
  }

  #open(directories: ReadonlySet<string>): FSWatcher {
    const { onEvent, onError } = this.#options;
    return watch([...directories], {
      depth: 0,
      ignored: (path) => !directories.has(path),
      ignoreInitial: true,
      followSymlinks: false,
      usePolling: false,
      atomic: false,
    })
      .on('raw', (kind, name, details) => {
        const { watchedPath } = details as { readonly watchedPath?: string };
        this.#handleEvent(kind, name, watchedPath);
      })
      .on('ready', onEvent)
      .on('error', onError);
  }

  /** @param name in the directory, or the directory's own; null on systems that do not say it. */
  #handleEvent(kind: string, name: string | null, directory = ''): void {
    const isOfDirectory = name === basename(directory);
    if (isOfDirectory && kind === 'rename') this.#isStale = true;
    const names = this.#names.get(directory);
    if (isOfDirectory || name === null || names === undefined || names.has(name)) this.#options.onEvent();
  }
}

async function namesByDirectory(paths: readonly string[]): Promise<Map<string, Set<string>>> {
  const names = new Map<string, Set<string>>();
  for (const { directory, name } of (await Promise.all(paths.map(stepsOf))).flat()) {
    names.set(directory, (names.get(directory) ?? new Set()).add(name));
  }
  return names;
}

/** Differs when another directory has the path. */
async function signatureOf(directory: string): Promise<string> {
  try {
    const { dev, ino } = await stat(directory, { bigint: true });
    return `${directory} ${dev} ${ino}`;
  } catch (error) {
    return `${directory} ${errnoOf(error) ?? String(error)}`;
  }
}
