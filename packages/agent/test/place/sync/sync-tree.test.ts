import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { SyncRequest } from '@deploy-tools/agent/place/sync/sync-request.js';
import { syncTree } from '@deploy-tools/agent/place/sync/sync-tree.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { programsInPath } from '../../../../../test/support/programs-in-path.js';
import { describeWith } from '../../../../../test/support/requires.js';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { makeTree } from '../../../../../test/support/tree.js';

const never = new AbortController().signal;

let dir: string;
let from: string;
let to: string;
beforeEach(() => {
  dir = tempDir(testScope());
  from = join(dir, 'from');
  to = join(dir, 'deep', 'to');
  makeTree(from, { 'bin/app': { content: 'v1', mode: 0o755 }, 'data/x': 'x', link: { link: 'bin/app' } });
});

function request(strategy: SyncRequest['strategy'], more: Partial<SyncRequest> = {}): SyncRequest {
  const none = { excludes: [], excludeFrom: undefined, destMode: 0o750, verbose: false, log: () => {} };
  const quick = { durable: false }; // that waits for the whole host's disk
  return { from, to, strategy, ...none, ...quick, ...more };
}

function sync(strategy: SyncRequest['strategy'], more: Partial<SyncRequest> = {}) {
  return syncTree(request(strategy, more), never);
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o7777;
}

describeWith(['rsync'], 'rsync', () => {
  it('makes the destination like the source, with its mode, and spares what is left out', async () => {
    await sync('rsync', { excludes: ['/data/'] });
    expect(modeOf(to)).toBe(0o750);
    expect(readdirSync(to).sort()).toEqual(['bin', 'link']);
    makeTree(to, { 'data/kept': 'k', gone: 'g', 'bin/old': 'o' });
    makeTree(from, { 'bin/app': 'version 2' });
    const stats = await sync('rsync', { excludes: ['/data/'] });
    expect(stats).toEqual({ files: 1, deleted: 2, bytes: 9, root: realpathSync(to) });
    expect(readdirSync(to).sort()).toEqual(['bin', 'data', 'link']);
    expect(readFileSync(join(to, 'data/kept'), 'utf8')).toBe('k');
  });

  it('never writes in place', async () => {
    await sync('rsync');
    linkSync(join(to, 'bin/app'), join(dir, 'elsewhere'));
    makeTree(from, { 'bin/app': 'version 2' });
    await sync('rsync');
    expect(readFileSync(join(dir, 'elsewhere'), 'utf8')).toBe('v1');
    expect(readFileSync(join(to, 'bin/app'), 'utf8')).toBe('version 2');
  });

  it('goes through no symlink that is in the destination', async () => {
    await sync('rsync');
    const outside = join(dir, 'outside');
    makeTree(outside, { app: 'mine' });
    await sync('rsync', { excludes: ['/bin'] });
    makeTree(from, { 'new/app': 'theirs' });
    symlinkSync(outside, join(to, 'new'));
    await sync('rsync');
    expect(readFileSync(join(outside, 'app'), 'utf8')).toBe('mine');
    expect(lstatSync(join(to, 'new')).isDirectory()).toBe(true);
  });

  it('sees what changed though size and time are the same, when it compares contents', async () => {
    await sync('rsync');
    writeFileSync(join(from, 'data/x'), 'y');
    for (const tree of [from, to]) utimesSync(join(tree, 'data/x'), 1, 1);
    expect(await sync('rsync')).toMatchObject({ files: 0 });
    expect(await sync('rsync', { compare: 'content' })).toMatchObject({ files: 1 });
    expect(readFileSync(join(to, 'data/x'), 'utf8')).toBe('y');
  });

  it('reads rules from a file, before the others, and names what it does when asked', async () => {
    const excludeFrom = join(dir, 'rules');
    writeFileSync(excludeFrom, '# ours\n+ /data/x\n/link\n');
    const lines: string[] = [];
    await sync('rsync', { excludeFrom, excludes: ['x'], verbose: true, log: (line) => lines.push(line) });
    expect(readdirSync(to).sort()).toEqual(['bin', 'data']);
    expect(existsSync(join(to, 'data/x'))).toBe(true);
    expect(lines).toContain('bin/app');
  });

  it('reads rules of the source, also by a symlink in it, and none that a symlink of it has outside', async () => {
    writeFileSync(join(dir, 'hosts'), '/data/\n');
    makeTree(from, {
      rules: '/bin/\n',
      'conf/in': { link: '../rules' },
      'conf/out': { link: '../../hosts' },
    });
    await sync('rsync', { excludeFrom: 'conf/in' });
    expect(existsSync(join(to, 'bin'))).toBe(false);
    await expect(sync('rsync', { excludeFrom: 'conf/out' })).rejects.toMatchObject({
      kind: 'unsafe',
      message: `the exclude rules ${from}/conf/out are a symlink out of the release, to ${realpathSync(dir)}/hosts`,
      hint: expect.stringContaining('absolute path'),
    });
    expect(existsSync(join(to, 'data/x'))).toBe(true);
  });

  it('reads the rules that were looked at, whatever has taken their name since', async () => {
    const { PATH } = process.env;
    const swap = `ln -sf '${join(dir, 'hosts')}' '${from}/rules'`;
    programsInPath(testScope(), { rsync: `PATH='${PATH}'\n${swap}\nexec rsync "$@"` });
    makeTree(from, { rules: '/bin/\n' });
    writeFileSync(join(dir, 'hosts'), '/data/\n');
    await sync('rsync', { excludeFrom: 'rules' });
    expect(readdirSync(to).sort()).toEqual(['data', 'link', 'rules']);
  });

  it('syncs to where a symlink leads', async () => {
    mkdirSync(join(dir, 'deep'));
    mkdirSync(join(dir, 'real'));
    symlinkSync('../real', to);
    await sync('rsync');
    expect(readdirSync(join(dir, 'real'))).toContain('bin');
  });

  it('says in which state a failure left it', async () => {
    await sync('rsync');
    makeTree(to, { 'spot/kept': 'k' });
    writeFileSync(join(from, 'spot'), 'a file now');
    const failed = sync('rsync', { excludes: ['kept'] });
    await expect(failed).rejects.toThrow(/may be partly synced: each file in it is whole/);
    expect(readFileSync(join(to, 'spot/kept'), 'utf8')).toBe('k');
  });

  it('leaves out of mv and release what the rules say', async () => {
    await sync('mv', { excludes: ['data'], keepSource: true });
    expect(readdirSync(to).sort()).toEqual(['bin', 'link']);
    expect(readdirSync(join(dir, 'deep'))).toEqual(['to']);
    expect(existsSync(join(from, 'data/x'))).toBe(true);
    const { root } = await sync('release', { to: join(dir, 'other'), excludes: ['data'] });
    expect(readdirSync(root).sort()).toEqual(['bin', 'link']);
    expect(modeOf(root)).toBe(0o750);
  });

  it('stops when its signal is aborted', async () => {
    await expect(syncTree(request('rsync'), AbortSignal.abort())).rejects.toMatchObject({
      kind: 'cancelled',
    });
  });
});

describe('without rsync(1)', () => {
  beforeEach(() => programsInPath(testScope(), { sync: '' }));

  it('refuses the strategy rsync, and says what else there is', async () => {
    await expect(sync('rsync')).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('rsync(1) is nowhere in PATH, and the strategy rsync is its work'),
      hint: expect.stringContaining('install rsync, or use the strategy mv or release'),
    });
  });

  it('refuses to leave something out, with any strategy', async () => {
    const failed = sync('release', { excludes: ['x'] });
    await expect(failed).rejects.toThrow('excludes, also with the strategy release, are its work');
  });

  it.each(['mv', 'release'] as const)('does %s', async (strategy) => {
    await sync(strategy, { keepSource: true });
    expect(readFileSync(join(to, 'bin/app'), 'utf8')).toBe('v1');
  });
});

describe('rsync', () => {
  it.each(['.', 'data/inside', '..'])('refuses a destination in or around the source: %s', async (where) => {
    await expect(sync('rsync', { to: join(from, where) })).rejects.toThrow('are one in the other');
    expect(readFileSync(join(from, 'bin/app'), 'utf8')).toBe('v1');
  });

  it('refuses a file', async () => {
    await expect(sync('rsync', { to: join(from, 'data/x') })).rejects.toThrow();
    const file = join(dir, 'file');
    writeFileSync(file, 'f');
    await expect(sync('rsync', { to: file })).rejects.toThrow('is not a directory');
  });
});

describe('mv', () => {
  it('gives the source the name', async () => {
    const { ino } = statSync(from);
    await sync('mv');
    expect(statSync(to).ino).toBe(ino);
    expect(modeOf(to)).toBe(0o750);
    expect(existsSync(from)).toBe(false);
  });

  it('refuses where something is, and moves nothing', async () => {
    mkdirSync(to, { recursive: true });
    await expect(sync('mv')).rejects.toThrow(/to exists.*nothing was moved/);
    expect(existsSync(join(from, 'bin/app'))).toBe(true);
  });

  it('copies where the source is to stay', async () => {
    await sync('mv', { keepSource: true });
    expect(readdirSync(to).sort()).toEqual(['bin', 'data', 'link']);
    expect(readdirSync(join(dir, 'deep'))).toEqual(['to']);
    expect(existsSync(join(from, 'data/x'))).toBe(true);
  });

  it('across file systems, copies beside and removes the source', async () => {
    const far = tempDir(testScope(), '/dev/shm');
    await sync('mv', { to: join(far, 'to') });
    expect(readFileSync(join(far, 'to/bin/app'), 'utf8')).toBe('v1');
    expect(readdirSync(far)).toEqual(['to']);
    expect(existsSync(from)).toBe(false);
  });
});

describe('release', () => {
  it('switches a symlink to a fresh copy and keeps those before', async () => {
    const first = await sync('release', { id: 'one', durable: true });
    expect(readlinkSync(to)).toMatch(/^to\.releases\/\d{8}T\d{9}Z-one$/);
    makeTree(from, { 'bin/app': 'version 2' });
    const second = await sync('release');
    expect(readFileSync(join(to, 'bin/app'), 'utf8')).toBe('version 2');
    expect(readFileSync(join(first.root, 'bin/app'), 'utf8')).toBe('v1');
    expect(second).toMatchObject({ files: 2, deleted: 0, bytes: 10 });
    expect(modeOf(second.root)).toBe(0o750);
  });

  it('keeps as many as asked for, and always the one before', async () => {
    const roots: string[] = [];
    for (let count = 0; count < 4; count++) roots.push((await sync('release', { keep: 0 })).root);
    expect(roots.map((root) => existsSync(root))).toEqual([false, false, true, true]);
  });

  it('rolls back to one that is there', async () => {
    const first = await sync('release', { id: 'one' });
    await sync('release', { id: 'two' });
    const again = await sync('release', { id: 'one', reuse: true });
    expect(again).toEqual({ files: 0, deleted: 0, bytes: 0, root: first.root });
    expect(realpathSync(to)).toBe(realpathSync(first.root));
  });

  it('refuses where a directory is', async () => {
    makeTree(to, { mine: 'm' });
    await expect(sync('release')).rejects.toThrow('is no symlink');
    expect(readdirSync(to)).toEqual(['mine']);
    expect(existsSync(`${to}.releases`)).toBe(false);
  });

  it('leaves nothing of one that could not be made, and the link as it was', async () => {
    const { root } = await sync('release');
    for (let count = 0; count < 2000; count++) writeFileSync(join(from, `f${count}`), '');
    const failing = new AbortController();
    const failed = syncTree(request('release'), failing.signal);
    setImmediate(() => failing.abort());
    await expect(failed).rejects.toThrow(/leads to what it led to before/);
    expect(realpathSync(to)).toBe(realpathSync(root));
    expect(readdirSync(`${to}.releases`)).toHaveLength(1);
  });
});

it('says when there is nothing to sync, or no rules', async () => {
  await expect(sync('rsync', { from: join(dir, 'nowhere') })).rejects.toMatchObject({ kind: 'not-found' });
  await expect(sync('rsync', { excludeFrom: join(dir, 'nowhere') })).rejects.toThrow(
    'to read exclude rules from',
  );
  await expect(sync('rsync', { excludeFrom: 'bin' })).rejects.toThrow('cannot be read');
  expect(existsSync(to)).toBe(false);
});
