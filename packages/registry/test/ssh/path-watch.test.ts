import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PathWatch } from '@deploy-tools/registry/ssh/path-watch.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { trackNativeWatches } from '../support/native-watches.js';

/** Older than any access to it, as a file that was put there with its time. */
const TIME = new Date('2026-01-01T00:00:00Z');

/** `keys` leads through `links/current`, a link to a directory, to `v1/keys`; `v2/keys` could be next. */
function makeSite(): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'deploy-test-')));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  for (const name of ['links', 'v1', 'v2']) mkdirSync(join(dir, name));
  for (const name of ['v1', 'v2']) write(join(dir, name, 'keys'));
  symlinkSync('../v1', join(dir, 'links', 'current'));
  symlinkSync('links/current/keys', join(dir, 'keys'));
  return dir;
}

function write(path: string): void {
  writeFileSync(path, 'a');
  utimesSync(path, TIME, TIME);
}

function point(link: string, target: string): void {
  symlinkSync(target, `${link}.new`);
  renameSync(`${link}.new`, link);
}

function watchKeys(dir: string) {
  const seen = { events: 0, errors: [] as unknown[] };
  let hear = () => {};
  const pathWatch = new PathWatch({
    paths: [join(dir, 'keys')],
    onEvent: () => {
      seen.events += 1;
      hear();
    },
    onError: (error) => seen.errors.push(error),
  });
  onTestFinished(() => pathWatch.close());
  /** The first event from when this was called on. */
  const event = () =>
    new Promise<void>((resolve) => {
      hear = resolve;
    });
  /** Watches what counts now, where that is other directories than before, and waits until they are watched. */
  const follow = async () => {
    await pathWatch.follow();
    await event();
    seen.events = 0;
  };
  return { pathWatch, seen, event, follow };
}

describe('is an event', () => {
  const changes: Record<string, (dir: string) => void> = {
    'the link is pointed elsewhere': (dir) => point(join(dir, 'keys'), 'v2/keys'),
    'the link is pointed to nothing': (dir) => point(join(dir, 'keys'), 'nowhere'),
    'the link is removed': (dir) => unlinkSync(join(dir, 'keys')),
    'a link to a directory is pointed elsewhere': (dir) => point(join(dir, 'links', 'current'), '../v2'),
    'a link to a directory is removed': (dir) => unlinkSync(join(dir, 'links', 'current')),
    'the file is written to': (dir) => writeFileSync(join(dir, 'v1', 'keys'), 'b', { flag: 'a' }),
    'the file has other rights': (dir) => chmodSync(join(dir, 'v1', 'keys'), 0o400),
    'the file is replaced by one with the same time': (dir) => {
      renameSync(join(dir, 'v2', 'keys'), join(dir, 'v1', 'keys'));
    },
    'the file is removed': (dir) => unlinkSync(join(dir, 'v1', 'keys')),
    'the directory of the file is replaced': (dir) => {
      renameSync(join(dir, 'v1'), join(dir, 'old'));
      renameSync(join(dir, 'v2'), join(dir, 'v1'));
    },
    'the directory of the file is removed': (dir) => rmSync(join(dir, 'v1'), { recursive: true }),
  };
  test.each(Object.keys(changes))('that %s', async (change) => {
    const dir = makeSite();
    const { seen, event, follow } = watchKeys(dir);
    await follow();
    const changed = event();
    changes[change]?.(dir);
    await changed;
    expect(seen.errors).toEqual([]);
  });

  test('that something comes where a link led to nothing', async () => {
    const dir = makeSite();
    point(join(dir, 'keys'), 'later/keys');
    const { event, follow } = watchKeys(dir);
    await follow();
    const changed = event();
    mkdirSync(join(dir, 'later'));
    await changed;
  });

  test('but not what happens to other files in the directories', async () => {
    const dir = makeSite();
    const { seen, follow } = watchKeys(dir);
    await follow();
    const last = new Promise<void>((resolve) => {
      const watcher = watch(join(dir, 'v1'), (_, name) => {
        if (name === 'last') resolve();
      });
      onTestFinished(() => watcher.close());
    });
    for (const path of ['other', 'links/other', 'v1/other', 'v1/last']) writeFileSync(join(dir, path), 'a');
    await last; // the system reports all directories' events in their order
    expect(seen.events).toBe(0);
  });
});

describe('the watched directories', () => {
  test('are those of the links and of the file, and follow when a link is pointed elsewhere', async () => {
    const native = trackNativeWatches();
    const dir = makeSite();
    const { pathWatch, event, follow } = watchKeys(dir);
    await follow();
    expect(native.open()).toEqual([dir, join(dir, 'links'), join(dir, 'v1')]);
    point(join(dir, 'links', 'current'), '../v2');
    await follow();
    expect(native.open()).toEqual([dir, join(dir, 'links'), join(dir, 'v2')]);
    const written = event();
    writeFileSync(join(dir, 'v2', 'keys'), 'b');
    await written;
    await pathWatch.close();
    expect(native.open()).toEqual([]);
  });

  test('stay watched as they are when nothing changed', async () => {
    const { pathWatch, seen, follow } = watchKeys(makeSite());
    await follow();
    const native = trackNativeWatches();
    await pathWatch.follow();
    await pathWatch.follow();
    expect(native.open()).toEqual([]);
    expect(seen.events).toBe(0);
  });

  test('are watched anew when one is removed and is there again, as the same inode or another', async () => {
    const dir = makeSite();
    const { event, follow } = watchKeys(dir);
    await follow();
    for (let round = 0; round < 3; round += 1) {
      const removed = event();
      rmSync(join(dir, 'v1'), { recursive: true });
      mkdirSync(join(dir, 'v1'));
      await removed;
      await follow();
      const created = event();
      write(join(dir, 'v1', 'keys'));
      await created;
    }
  });

  test('are watched anew when a directory above them is replaced', async () => {
    const dir = makeSite();
    for (const name of ['above', 'next']) {
      mkdirSync(join(dir, name, 'v'), { recursive: true });
      write(join(dir, name, 'v', 'keys'));
    }
    point(join(dir, 'keys'), 'above/v/keys');
    const { event, follow } = watchKeys(dir);
    await follow();
    renameSync(join(dir, 'above'), join(dir, 'old'));
    renameSync(join(dir, 'next'), join(dir, 'above'));
    await follow();
    const written = event();
    writeFileSync(join(dir, 'above', 'v', 'keys'), 'b');
    await written;
  });

  test('are left alone after a close that came before they were watched', async () => {
    const native = trackNativeWatches();
    const dir = makeSite();
    const early = watchKeys(dir);
    await early.pathWatch.follow();
    await early.pathWatch.close();
    const later = watchKeys(dir);
    await later.follow();
    expect(native.open()).toHaveLength(3);
    await later.pathWatch.close();
    expect(native.open()).toEqual([]); // one watch serves all that watch a path, as long as there is one
  });

  test('that cannot be watched are an error each, and others are watched', async () => {
    const dir = makeSite();
    trackNativeWatches((path) => {
      if (path !== dir) throw Object.assign(new Error('ENOSPC: no watch is left'), { code: 'ENOSPC' });
    });
    const { seen, event, follow } = watchKeys(dir);
    await follow();
    expect(seen.errors).toMatchObject([{ code: 'ENOSPC' }, { code: 'ENOSPC' }]);
    const changed = event();
    point(join(dir, 'keys'), 'v2/keys');
    await changed;
  });
});
