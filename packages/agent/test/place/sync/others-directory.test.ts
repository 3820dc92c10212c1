import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemTimers } from '@deploy-tools/agent/host/timers.js';
import { checkDestination } from '@deploy-tools/agent/place/sync/check-destination.js';
import { lockDestination } from '@deploy-tools/agent/place/sync/lock-destination.js';
import type { SyncRequest } from '@deploy-tools/agent/place/sync/sync-request.js';
import { syncTree } from '@deploy-tools/agent/place/sync/sync-tree.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { programsInPath } from '../../../../../test/support/programs-in-path.js';
import { describeWith } from '../../../../../test/support/requires.js';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { makeTree } from '../../../../../test/support/tree.js';

const isRoot = process.getuid?.() === 0;
const never = new AbortController().signal;

let dir: string;
/** The directory of another user, as far as its mode goes. */
let theirs: string;
let from: string;
let to: string;
let victim: string;
beforeEach(() => {
  dir = tempDir(testScope());
  theirs = join(dir, 'theirs');
  from = join(dir, 'from');
  to = join(theirs, 'to');
  victim = join(dir, 'victim');
  makeTree(from, { app: { content: 'v1', mode: 0o755 } });
  writeFileSync(victim, 'secret', { mode: 0o600 });
  mkdirSync(theirs);
  chmodSync(theirs, 0o777);
});

function sync(strategy: SyncRequest['strategy'], more: Partial<SyncRequest> = {}) {
  const none = { excludes: [], excludeFrom: undefined, destMode: 0o750, verbose: false, log: () => {} };
  return syncTree({ from, to, strategy, ...none, durable: false, keepSource: true, ...more }, never);
}

const modeOf = (path: string) => statSync(path).mode & 0o7777;

/** What the other user does: the directory that is being filled gives its name to one that is full of symlinks. */
function exchangeFresh(parent: string): void {
  const fresh = readdirSync(parent).find((name) => name.includes('.new-'));
  if (fresh === undefined) throw new Error('nothing is being filled');
  renameSync(join(parent, fresh), join(parent, 'stolen'));
  mkdirSync(join(parent, fresh), { mode: 0o777 });
  symlinkSync(victim, join(parent, fresh, 'tree'));
}

describe('a user who may write to the directory above', () => {
  it('has nothing else take the name of the destination than what was copied', async () => {
    await sync('mv', { beforeRename: () => exchangeFresh(theirs) });
    expect([readdirSync(to), readFileSync(join(to, 'app'), 'utf8')]).toEqual([['app'], 'v1']);
    expect([readFileSync(victim, 'utf8'), modeOf(victim)]).toEqual(['secret', 0o600]);
  });

  it('has no release removed that is elsewhere, nor one written there', async () => {
    const others = join(dir, 'others');
    makeTree(others, { '.new-0123/x': '', '20200101T000000000Z-a/x': '' });
    symlinkSync(others, `${to}.releases`);
    const refused = {
      kind: 'unsafe',
      message: expect.stringContaining(`${to}.releases is a symlink, and others may change`),
      hint: expect.stringContaining('make it a directory'),
    };
    expect(() => checkDestination(to, 'release')).toThrow(expect.objectContaining(refused));
    await expect(sync('release', { keep: 0 })).rejects.toMatchObject(refused);
    expect(readdirSync(others).sort()).toEqual(['.new-0123', '20200101T000000000Z-a']);
  });

  it.runIf(isRoot)('cannot have releases put into a directory of his', async () => {
    mkdirSync(`${to}.releases`);
    chownSync(`${to}.releases`, 65534, 65534);
    await expect(sync('release')).rejects.toMatchObject({
      kind: 'unsafe',
      message: expect.stringContaining(`${to}.releases belongs to the user 65534`),
      hint: expect.stringContaining(`chown 0 ${to}.releases`),
    });
    expect(readdirSync(`${to}.releases`)).toEqual([]);
  });

  it('has no file written over that a hard link makes the lock', async () => {
    const lock = join(theirs, '.to.deploy-lock');
    linkSync(victim, lock);
    const request = { to, strategy: 'mv' as const, owner: undefined, waits: false, log: () => {} };
    await expect(lockDestination({ ...request, timers: systemTimers, signal: never })).rejects.toMatchObject({
      kind: 'unsafe',
      message: expect.stringContaining(`${lock} is no lock file of ours`),
      hint: expect.stringContaining('remove it'),
    });
    expect(readFileSync(victim, 'utf8')).toBe('secret');
  });
});

it.each(['mv', 'release'] as const)('%s says what went wrong by names, not by handles', async (way) => {
  to = join(theirs, 'x'.repeat(245));
  await expect(sync(way)).rejects.toThrow(new RegExp(`^ENAMETOOLONG: name too long, [a-z]+ '${theirs}/`));
});

it.each([0o755, 0o775])(
  'releases may be where a symlink leads, in a directory of our user and group: %o',
  async (mode) => {
    chmodSync(theirs, mode);
    mkdirSync(join(dir, 'disk'));
    symlinkSync('../disk', `${to}.releases`);
    await sync('release');
    expect(readdirSync(join(dir, 'disk'))).toHaveLength(1);
    expect(readFileSync(join(to, 'app'), 'utf8')).toBe('v1');
  },
);

it.each(['mv', 'release'] as const)('%s makes a destination that its owner may not write to', async (way) => {
  await sync(way, { destMode: 0o555, durable: true });
  expect(modeOf(to)).toBe(0o555);
});

describeWith(['rsync'], 'a user who may write to the directory above, with rsync(1),', () => {
  it.each<['mv' | 'release', () => string]>([
    ['mv', () => theirs],
    ['release', () => `${to}.releases`],
  ])('turns nothing elsewhere that %s writes', async (way, parent) => {
    const real = process.env.PATH ?? '';
    programsInPath(testScope(), {
      rsync: `fresh=$(echo '${parent()}'/.*new-*)
        mv "$fresh" '${theirs}/stolen'
        mkdir -p "$fresh/tree"
        ln -s '${victim}' "$fresh/app"
        ln -s '${victim}' "$fresh/tree/app"
        PATH='${real}' exec rsync "$@"`,
    });
    process.env.PATH = `${process.env.PATH}:${real}`;
    await sync(way, { excludes: ['x'] });
    expect([readdirSync(to), readFileSync(join(to, 'app'), 'utf8')]).toEqual([['app'], 'v1']);
    expect([readFileSync(victim, 'utf8'), modeOf(victim), modeOf(to)]).toEqual(['secret', 0o600, 0o750]);
    const [exchanged = ''] = readdirSync(parent()).filter((name) => name.includes('new-'));
    expect(readlinkSync(join(parent(), exchanged, 'app'))).toBe(victim);
  });

  it('does not have the destination lead to releases that are not those of before', async () => {
    await sync('release');
    const before = readFileSync(join(to, 'app'), 'utf8');
    const PATH = process.env.PATH ?? '';
    programsInPath(testScope(), {
      rsync: `PATH='${PATH}'
        mv '${to}.releases' '${theirs}/stolen'
        mkdir '${to}.releases'`,
    });
    await expect(sync('release', { excludes: ['x'] })).rejects.toMatchObject({
      kind: 'unsafe',
      message: expect.stringContaining(`somebody has exchanged ${to}.releases meanwhile`),
    });
    expect([before, readdirSync(`${to}.releases`)]).toEqual(['v1', []]);
  });

  it('has no directory elsewhere made like the release', async () => {
    const elsewhere = join(dir, 'elsewhere');
    makeTree(elsewhere, { mine: '' });
    symlinkSync(elsewhere, to);
    const refused = {
      kind: 'unsafe',
      message: expect.stringContaining(`${to} is a symlink, and others may change`),
      hint: expect.stringContaining('name the directory itself'),
    };
    expect(() => checkDestination(to, 'rsync')).toThrow(expect.objectContaining(refused));
    await expect(sync('rsync')).rejects.toMatchObject(refused);
    expect(readdirSync(elsewhere)).toEqual(['mine']);
    expect(existsSync(join(elsewhere, 'app'))).toBe(false);
  });
});
