import fs, { type FSWatcher } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { onTestFinished } from 'vitest';

/**
 * Stands before Node.js' `fs.watch` until the test ends.
 * @param refuse throws in place of watching that path, or does nothing.
 * @returns the paths that are watched, of watches that began since.
 */
export function trackNativeWatches(refuse: (path: string) => void = () => {}): {
  readonly open: () => readonly string[];
} {
  const native = fs.watch;
  const open = new Map<FSWatcher, string>();
  const watch = (path: string, ...rest: never[]) => {
    refuse(path);
    const watcher = (native as (path: string, ...rest: never[]) => FSWatcher)(path, ...rest);
    open.set(watcher, path);
    const close = watcher.close.bind(watcher);
    watcher.close = () => {
      open.delete(watcher);
      close();
    };
    return watcher;
  };
  replaceWatch(watch as typeof fs.watch);
  onTestFinished(() => replaceWatch(native));
  return { open: () => [...open.values()].sort() };
}

/** Also for modules that import it by its name. */
function replaceWatch(watch: typeof fs.watch): void {
  fs.watch = watch;
  syncBuiltinESMExports();
}
