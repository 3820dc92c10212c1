import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { copyNode } from '@deploy-tools/agent/release/unpack/copy-node.js';
import { chmodDirectory } from '@deploy-tools/agent/release/unpack/held-directory.js';
import { copyTree } from '@deploy-tools/agent/release/unpack/run-tree-task.js';
import { beforeEach, expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { makeTree } from '../../../../../test/support/tree.js';
import { snapshotTree } from './tree-snapshot.js';

let dir: string;
let from: string;
let to: string;
beforeEach(() => {
  dir = tempDir(testScope());
  [from, to] = [join(dir, 'from'), join(dir, 'to')];
  makeTree(from, { 'bin/app': { content: 'v1', mode: 0o755 }, 'shut/x': 'x', link: { link: '../out' } });
  mkdirSync(to, { mode: 0o700 });
});

const copy = (signal = new AbortController().signal) => copyTree({ from, to, rootMode: 0o751 }, signal);

it('copies types, contents, modes and times, whatever the names', async () => {
  writeFileSync(Buffer.concat([Buffer.from(`${from}/raw`), Buffer.from([0xff])]), 'raw');
  execFileSync('mkfifo', [join(from, 'fifo')]);
  chmodSync(join(from, 'bin/app'), 0o4755);
  const times = { 'shut/x': 1_500_000_000.25, link: -1.5, fifo: 7, bin: 9 };
  for (const [name, time] of Object.entries(times))
    lutimesSync(join(from, name), new Date(time * 1000), new Date(time * 1000));
  chmodSync(join(from, 'shut'), 0o555);
  chmodSync(from, 0o751);
  expect(await copy()).toEqual({ files: 3, bytes: 6 });
  expect(snapshotTree(to)).toEqual(snapshotTree(from));
  expect(statSync(join(to, 'bin/app')).mode & 0o7777).toBe(0o4755);
});

it('makes files of their own of hard links', async () => {
  linkSync(join(from, 'bin/app'), join(from, 'bin/same'));
  await copy();
  expect(statSync(join(to, 'bin/same')).nlink).toBe(1);
  expect(statSync(join(to, 'bin/app')).ino).not.toBe(statSync(join(from, 'bin/app')).ino);
});

it('says which file cannot be copied', async () => {
  const scope = testScope();
  const server = createServer();
  await new Promise<void>((listening) => server.listen(join(from, 'bin/socket'), listening));
  scope.defer(() => void server.close());
  await expect(copy()).rejects.toMatchObject({
    kind: 'unsupported',
    message: '"bin/socket" cannot be copied: it is a socket',
  });
});

it('follows no symlink that takes the place of a directory', async () => {
  symlinkSync(from, join(dir, 'elsewhere'));
  await expect(
    copyTree({ from, to: join(dir, 'elsewhere'), rootMode: 0o700 }, new AbortController().signal),
  ).rejects.toThrow();
  expect(() => chmodDirectory(join(dir, 'elsewhere'), 0o700)).toThrow(
    expect.objectContaining({ code: 'ENOTDIR' }),
  );
  expect(readdirSync(from).sort()).toEqual(['bin', 'link', 'shut']);
});

it('reads no file elsewhere that a symlink has taken the place of one by', () => {
  const secret = join(dir, 'secret');
  writeFileSync(secret, 'secret', { mode: 0o600 });
  const file = join(from, 'file');
  writeFileSync(file, 'content', { mode: 0o644 });
  const stats = lstatSync(file, { bigint: true });
  renameSync(file, join(dir, 'moved'));
  symlinkSync(secret, file);
  const copy = join(dir, 'copy-of-file');
  expect(() => copyNode(file, copy, stats)).toThrow('somebody has exchanged it meanwhile');
  expect(existsSync(copy)).toBe(false);
});

it('stops when its signal is aborted', async () => {
  await expect(copy(AbortSignal.abort())).rejects.toMatchObject({ kind: 'cancelled' });
});
