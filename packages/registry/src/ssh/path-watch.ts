import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { type FSWatcher, watch } from 'chokidar';
import { stepsOf } from './path-steps.js';

export interface PathWatchOptions {
  /** Absolute paths of files. */
  readonly paths: readonly string[];
  /** Called when the file of a path may have changed, and once after the watched directories have changed. */
  readonly onEvent: () => void;
  /** Called when a directory cannot be watched, as at the system's limit of watches (ENOSPC). Other directories still are. */
  readonly onError: (error: unknown) => void;
}

/**
 * Watches the directories on the way of some paths: of each path, of every link, and of the file at the end. It does not watch the
 * files themselves, since a replaced file is watched no more.
 *
 * It uses the events of the system, which chokidar calls `raw`, for the names on the way. Other events of chokidar miss a link to
 * a directory that is pointed elsewhere, and a file that is replaced by one with the same time.
 */
export class PathWatch {
  readonly #options: PathWatchOptions;
  #watcher: FSWatcher | undefined;
  /** Identifies the watched directories. */
  #signature = '';
  /** The names on the way, by their directories. */
  #names: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  /** Whether a watched directory was renamed or removed: its successor is not watched, even with the same inode. */
  #isStale = false;

  constructor(options: PathWatchOptions) {
    this.#options = options;
  }

  /** Watches the directories that are on the way now. Nothing is watched before the first call. One call at a time. */
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
    watcher.on('error', () => {}); // close() removed ours, and pending work may still fail
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

  /** @param name in the directory, or the directory's own; null on systems that do not report it. */
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

/** Identifies the directory of a path: differs for another directory. */
async function signatureOf(directory: string): Promise<string> {
  try {
    const { dev, ino } = await stat(directory, { bigint: true });
    return `${directory} ${dev} ${ino}`;
  } catch (error) {
    return `${directory} ${errnoOf(error) ?? String(error)}`;
  }
}
